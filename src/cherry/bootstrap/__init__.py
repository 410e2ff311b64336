"""The composition root: settings become a wired application. The only room that knows everyone."""

"""Facts about file names: which extensions files have, which names need none, which words only look like file names."""

_EXTENSIONS = """
py pyi pyx pxd ipynb rb erb rake gemspec php pl pm t lua r jl m mm swift kt kts java scala sc groovy gradle clj cljs
cljc edn js jsx mjs cjs ts tsx mts cts vue svelte astro html htm xhtml css scss sass less styl pug haml slim hbs ejs
njk jinja jinja2 j2 tmpl tpl liquid mustache c h cc cpp cxx hpp hh hxx inl cs fs fsx fsi vb go mod sum rs zig nim d
dart ex exs erl hrl hs lhs elm ml mli re res v sv svh vhd vhdl asm s f f90 f95 for pas ada adb ads cob lisp el scm rkt
tcl sh bash zsh fish ps1 psm1 psd1 bat cmd awk sed sql psql prisma graphql gql proto thrift avsc json jsonc json5
jsonl ndjson yaml yml toml ini cfg conf cnf config properties env xml xsd xsl xslt svg plist csproj sln props targets
nix tf tfvars hcl bicep rego cue dhall md mdx markdown rst txt text adoc asciidoc org tex bib log csv tsv diff patch
lock cmake mk mak make ninja bazel bzl star dockerfile service socket timer desktop editorconfig gitignore
gitattributes npmrc nvmrc eslintrc prettierrc babelrc snap golden template example sample in am ac po pot strings wat
wasm sol vy move cairo tla feature story http rest crt pem pub key ps1xml resx xaml razor cshtml vbhtml storyboard xib
entitlements pbxproj podspec gd tscn tres shader glsl hlsl wgsl vert frag comp metal cu cuh
"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
"""`os.path` and `self.name` look like file names too: an extension tells only when it is one of these."""

_BARE_NAMES = """
makefile gnumakefile dockerfile containerfile vagrantfile procfile jenkinsfile gemfile rakefile license licence readme
changelog authors notice codeowners justfile brewfile pipfile build workspace caddyfile
"""
BARE_NAMES = frozenset(_BARE_NAMES.split())
"""Files that have no extension, in lower case."""

_NOT_FILES = """
node.js next.js vue.js react.js nuxt.js express.js nest.js three.js d3.js angular.js ember.js backbone.js alpine.js
socket.io asp.net .net e.g i.e vs.code chart.js moment.js ml.net
"""
NOT_FILES = frozenset(_NOT_FILES.split())
"""Names of things: a heading like this above an example does not name the file to write."""

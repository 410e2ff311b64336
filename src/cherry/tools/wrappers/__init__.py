"""What happens around every call, one short file each; `cherry.tools.standard` puts them in order."""

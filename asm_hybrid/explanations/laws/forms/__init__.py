"""The forms of laws, a file each: a new one is a new file here that offers ``FORM``."""

"""Everything around starting CloudiA. Standard library only: it runs before there is a virtualenv."""

"""A page in the browser to drive a trained face (needs the extra `app`)."""

"""CloudStack's check of a request, signature version 3, written anew: of the sinks' code it knows nothing."""

import base64
import datetime
import hashlib
import hmac
import urllib.parse


def encode(value):
    """As java.net.URLEncoder, with blanks as %20."""
    return urllib.parse.quote_plus(value, safe="*").replace("+", "%20").replace("~", "%7E")


def signature(parameters, secret_key):
    names = sorted(name for name in parameters if name.lower() != "signature")
    text = "&".join(f"{name.lower()}={encode(parameters[name])}" for name in names).lower()
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def genuine(parameters, api_key, secret_key):
    """Whether it is fresh, and signed by the owner of the keys."""
    now = datetime.datetime.now(datetime.timezone.utc)
    expires = datetime.datetime.strptime(parameters["expires"], "%Y-%m-%dT%H:%M:%S%z")
    return (
        now < expires < now + datetime.timedelta(minutes=15)
        and parameters["apikey"] == api_key
        and parameters["response"] == "json"
        and parameters["signatureversion"] == "3"
        and hmac.compare_digest(signature(parameters, secret_key), parameters["signature"])
    )

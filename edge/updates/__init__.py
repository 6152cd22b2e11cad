"""New software and new models, signed, from a stick or over the network, and back again when they do not do well.

`manifest` and `signed` say what a bundle is and whether to trust it, `inbox` and `fetch` bring it here without being
trusted, `install` puts it into the slot that does not run. The slots themselves are a shell script's, which does not
need the software it watches over: `firmware_config/card/system/usr/local/lib/fieldeye/slots`.
"""

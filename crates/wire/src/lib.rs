//! Codecs of the proxy protocols: bytes in, values out, no sockets.

//! What somebody else's TLS connection says of its server. It goes on unread.

use rustls::server::Acceptor;
use wire::{DomainName, Opening};

/// The first byte of a TLS connection: a record with a handshake message (RFC 8446 section 5.1).
pub const HANDSHAKE: u8 = 0x16;

/// The name in a ClientHello's `server_name` (RFC 6066 section 3), by the first bytes of a connection. With
/// Encrypted Client Hello it is the public name, which is what there is to know.
pub fn server_name(bytes: &[u8]) -> Opening {
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        if acceptor.read_tls(&mut rest).is_err() {
            return Opening::Nameless;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                let name = hello.server_name();
                let name = name.and_then(|name| DomainName::try_from(name).ok());
                return name.map_or(Opening::Nameless, Opening::Named);
            }
            Ok(None) => {}
            Err(_) => return Opening::Nameless,
        }
    }
    Opening::Incomplete
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    fn hello(server: &str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let server = ServerName::try_from(server.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), server).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_whole_hello_names_its_server_and_a_part_does_not() {
        let bytes = hello("www.example.com");
        assert_eq!(bytes[0], HANDSHAKE);
        let name = DomainName::try_from("www.example.com").unwrap();
        assert_eq!(server_name(&bytes), Opening::Named(name.clone()));
        for length in 0..bytes.len() {
            assert_eq!(
                server_name(&bytes[..length]),
                Opening::Incomplete,
                "{length}"
            );
        }
        let more = [&bytes[..], &[0x17, 3, 3, 0, 1, 0]].concat();
        assert_eq!(server_name(&more), Opening::Named(name));
    }

    #[test]
    fn addresses_and_other_bytes_are_nameless() {
        assert_eq!(server_name(&hello("192.0.2.1")), Opening::Nameless);
        assert_eq!(server_name(b"\x16\x03\x01\xff\xff"), Opening::Nameless);
        assert_eq!(server_name(b"GET / HTTP/1.1\r\n\r\n"), Opening::Nameless);
    }
}

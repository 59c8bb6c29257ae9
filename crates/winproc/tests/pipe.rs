//! Named pipes.
#![cfg(windows)]

use std::process;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use winproc::{Access, AccessList, Error, Identity, PipeListener, Sid, connect, is_elevated};

const LONG: Duration = Duration::from_secs(30);

/// A name of this test's own.
fn name(test: &str) -> String {
    format!("winproc-{}-{test}", process::id())
}

fn everybody() -> AccessList {
    AccessList::private().and(Sid::AUTHENTICATED_USERS, Access::Connect)
}

#[tokio::test]
async fn clients_one_after_the_other_and_at_once() {
    let name = name("clients");
    let mut listener = PipeListener::bind(&name, &everybody()).unwrap();
    let server = tokio::spawn(async move {
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut pipe = listener.accept().await.unwrap();
            let mut byte = [0];
            pipe.read_exact(&mut byte).await.unwrap();
            pipe.write_all(&[byte[0] + 1]).await.unwrap();
            open.push(pipe);
        }
        open
    });
    let mut clients = Vec::new();
    for byte in [1, 2, 3] {
        let mut client = connect(&name, LONG).await.unwrap();
        client.write_all(&[byte]).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), byte + 1);
        clients.push(client);
    }
    // A server's end that is dropped is the end for its client.
    drop(server.await.unwrap());
    for mut client in clients {
        let end = client.read(&mut [0]).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
}

#[tokio::test]
async fn a_client_that_came_and_went_is_no_trouble() {
    let name = name("gone");
    let mut listener = PipeListener::bind(&name, &everybody()).unwrap();
    drop(connect(&name, LONG).await.unwrap());
    let again = tokio::spawn(async move {
        let mut client = connect(&name, LONG).await.unwrap();
        client.write_all(b"x").await.unwrap();
        client
    });
    loop {
        let mut pipe = listener.accept().await.unwrap();
        let mut byte = [0];
        // The first one may be seen as a client that says nothing.
        if pipe.read_exact(&mut byte).await.is_ok() {
            assert_eq!(&byte, b"x");
            break;
        }
    }
    again.await.unwrap();
}

#[tokio::test]
async fn the_service_sees_who_it_is() {
    let name = name("identity");
    let mut listener = PipeListener::bind(&name, &everybody()).unwrap();
    let mut client = connect(&name, LONG).await.unwrap();
    client.write_all(b"x").await.unwrap();
    let mut pipe = listener.accept().await.unwrap();
    pipe.read_exact(&mut [0]).await.unwrap();
    let identity = Identity::of_client(&pipe).unwrap();
    assert_eq!(identity.is_administrator, is_elevated().unwrap());
    assert!(identity.sid.to_string().starts_with("S-1-5-"));
    // This thread is itself again: its files are its own to make.
    PipeListener::bind(&(name + "-2"), &everybody()).unwrap();
}

/// Wine gives the name to anybody.
#[cfg(target_env = "msvc")]
#[tokio::test]
async fn a_name_is_taken_once() {
    let name = name("taken");
    let first = PipeListener::bind(&name, &everybody()).unwrap();
    let error = PipeListener::bind(&name, &everybody()).unwrap_err();
    assert!(matches!(error, Error::PipeTaken { .. }), "{error}");
    drop(first);
    PipeListener::bind(&name, &everybody()).unwrap();
}

/// A program that has made the pipe before the service could: it belongs to its user. Windows lets
/// nobody make one for somebody else, so only Wine can show it.
#[cfg(target_env = "gnu")]
#[tokio::test]
async fn a_strangers_pipe_is_not_talked_to() {
    let name = name("stranger");
    let _pipe = strangers_pipe(&name);
    let error = connect(&name, LONG).await.unwrap_err();
    let whose = matches!(&error, Error::Foreign { owner, .. } if owner.to_string() == STRANGER);
    assert!(whose, "{error}");
}

#[cfg(target_env = "gnu")]
const STRANGER: &str = "S-1-5-21-1-2-3-1001";

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "tokio takes an owner only like this")]
fn strangers_pipe(name: &str) -> tokio::net::windows::named_pipe::NamedPipeServer {
    use std::ptr;
    use tokio::net::windows::named_pipe::ServerOptions;
    use windows_sys::Win32::Security::Authorization::{
        ConvertStringSecurityDescriptorToSecurityDescriptorW as convert, SDDL_REVISION_1,
    };
    use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;

    let sddl: Vec<u16> = format!("O:{STRANGER}D:(A;;FA;;;WD)\0")
        .encode_utf16()
        .collect();
    let mut attributes = SECURITY_ATTRIBUTES::default();
    let descriptor = &raw mut attributes.lpSecurityDescriptor;
    // SAFETY: the text ends with a zero, and the attributes hold a descriptor when the pipe is made. It
    // is never given back.
    unsafe {
        let converted = convert(sddl.as_ptr(), SDDL_REVISION_1, descriptor, ptr::null_mut());
        assert_ne!(converted, 0);
        ServerOptions::new()
            .create_with_security_attributes_raw(
                format!(r"\\.\pipe\{name}"),
                (&raw mut attributes).cast(),
            )
            .expect("a pipe")
    }
}

#[tokio::test]
async fn no_service() {
    let error = connect(&name("none"), LONG).await.unwrap_err();
    assert!(matches!(error, Error::NoPipe { .. }), "{error}");
}

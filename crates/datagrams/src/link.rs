//! The edge's connection over one uplink.

use std::net::{IpAddr, SocketAddr};
use std::sync::Weak;
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream};
use relay::HubAddress;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use wire::hub::datagram::{Order, SessionId};
use wire::hub::{Frame, Hello, VERSIONS, frames};

use crate::quic::{Close, client_config, edge_endpoint, message};
use crate::tunnel::Shared;

/// How long the hub may take to prove who it is and to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How soon it is tried again, at first and in the end.
const SOON: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_secs(8);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("its name can't be looked up: {0}")]
    Name(std::io::Error),
    #[error("it has no address of the uplink's kind")]
    Family,
    #[error("no UDP socket on {from}: {source}")]
    Socket {
        from: IpAddr,
        source: std::io::Error,
    },
    #[error("QUIC can't be begun: {0}")]
    Begin(quinn::ConnectError),
    #[error("{0}")]
    Lost(#[from] quinn::ConnectionError),
    #[error("it does not answer by UDP; is its UDP port closed by a firewall?")]
    Silent,
    #[error("it refuses: {0}")]
    Refused(String),
    #[error("it does not speak the protocol for datagrams")]
    Other,
}

/// A connection that the hub has agreed to.
struct Agreed {
    connection: Connection,
    orders: SendStream,
    answers: RecvStream,
}

/// Keeps a connection open over the uplink with these addresses, for as long as anyone wants it.
pub async fn run(
    tunnel: Weak<Shared>,
    id: u32,
    from: Vec<IpAddr>,
    hub: HubAddress,
    session: SessionId,
) {
    let mut pause = SOON;
    loop {
        match connect(&hub, &from, session).await {
            Ok(agreed) => {
                pause = SOON;
                serve(&tunnel, id, agreed).await;
            }
            Err(error) => match tunnel.upgrade() {
                Some(tunnel) => tunnel.failed(id, error.to_string()),
                None => return,
            },
        }
        sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LATE);
    }
}

async fn connect(
    hub: &HubAddress,
    from: &[IpAddr],
    session: SessionId,
) -> Result<Agreed, LinkError> {
    let addresses = addresses(hub).await?;
    let fits = |to: &SocketAddr| from.iter().find(|from| from.is_ipv4() == to.is_ipv4());
    let ends = addresses.iter().find_map(|to| Some((*fits(to)?, *to)));
    let (from, to) = ends.ok_or(LinkError::Family)?;
    let endpoint = edge_endpoint(from).map_err(|source| LinkError::Socket { from, source })?;
    // There is no name to prove: the hub's key is pinned.
    let connecting = endpoint.connect_with(client_config(&hub.config), to, "hub.invalid");
    let connecting = connecting.map_err(LinkError::Begin)?;
    let connection = timeout(LIMIT, connecting);
    let connection = connection.await.map_err(|_| LinkError::Silent)??;
    let agreeing = timeout(LIMIT, agree(connection, session));
    agreeing.await.map_err(|_| LinkError::Silent)?
}

async fn addresses(hub: &HubAddress) -> Result<Vec<SocketAddr>, LinkError> {
    if let Some(known) = hub.destination.addresses(hub.also) {
        return Ok(known);
    }
    let found = tokio::net::lookup_host(hub.destination.to_string()).await;
    Ok(found.map_err(LinkError::Name)?.collect())
}

async fn agree(connection: Connection, session: SessionId) -> Result<Agreed, LinkError> {
    let (mut orders, mut answers) = connection.open_bi().await?;
    let mut bytes = Vec::new();
    let hello = Hello {
        versions: VERSIONS,
        software: concat!("manypath ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    Frame::Hello(hello).encode(&mut bytes);
    Order::Join(session).encode(&mut bytes);
    let lost = |connection: &Connection| match connection.close_reason() {
        Some(reason) => LinkError::Lost(reason),
        None => LinkError::Other,
    };
    if orders.write_all(&bytes).await.is_err() {
        return Err(lost(&connection));
    }
    let Some(answer) = message(&mut answers).await else {
        return Err(lost(&connection));
    };
    match frames(&answer).next() {
        Some(Ok(Frame::Welcome(_))) => Ok(Agreed {
            connection,
            orders,
            answers,
        }),
        Some(Ok(Frame::Refused(refused))) => {
            connection.close(Close::Refused.into(), b"");
            Err(LinkError::Refused(refused.text))
        }
        _ => Err(LinkError::Other),
    }
}

/// Takes what comes, and tells the hub what it is to do, until the connection ends.
async fn serve(tunnel: &Weak<Shared>, id: u32, agreed: Agreed) {
    let Agreed {
        connection,
        mut orders,
        answers: _kept,
    } = agreed;
    let (order, mut wanted) = mpsc::unbounded_channel::<Order>();
    match tunnel.upgrade() {
        Some(tunnel) => tunnel.connected(id, connection.clone(), order),
        None => return,
    }
    let telling = async {
        while let Some(order) = wanted.recv().await {
            let mut bytes = Vec::new();
            order.encode(&mut bytes);
            if orders.write_all(&bytes).await.is_err() {
                break;
            }
        }
        // Another one has taken its place, or the end comes by the other way.
        std::future::pending::<()>().await
    };
    let hearing = async {
        loop {
            let datagram = match connection.read_datagram().await {
                Ok(datagram) => datagram,
                Err(error) => return error.to_string(),
            };
            let Some(tunnel) = tunnel.upgrade() else {
                return String::new();
            };
            if let Err(error) = tunnel.take(&datagram) {
                connection.close(Close::Violation.into(), b"");
                return error.to_string();
            }
        }
    };
    let end = tokio::select! {
        end = hearing => end,
        () = telling => return,
    };
    if let Some(tunnel) = tunnel.upgrade() {
        tunnel.failed(id, end);
    }
}

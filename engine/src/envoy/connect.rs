//! A connection to an address that was checked.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use theater_flow_kernel::http::{Address, HttpError, HttpErrorCode, Scheme};
use theater_flow_kernel::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Out, place};

/// A request as it goes out.
pub(super) type Sending = hyper::Request<Full<bytes::Bytes>>;

/// What secures connections; read from the system when it is first needed. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Tls(Rc<OnceCell<Arc<ClientConfig>>>);

impl Tls {
    /// What was read, or is read now if that has failed so far. It may take long, and has its own thread.
    async fn config(&self) -> Result<Arc<ClientConfig>, HttpError> {
        let read = || async { spawn_blocking(config).await.map_err(|error| error.to_string())? };
        let read = self.0.get_or_try_init(read).await;
        read.cloned().map_err(|why| HttpError::new(HttpErrorCode::Tls, why))
    }
}

/// Trusts whom the system trusts.
fn config() -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(String::from("the system has no certificates to trust"));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// A connection that has been made. It ends when this is dropped, whatever is still to be sent.
pub(super) struct Connected {
    sender: http1::SendRequest<Full<bytes::Bytes>>,
    _carrier: JoinSet<()>,
}

impl Connected {
    /// Sends a request and waits for the head of its response. Notes that the request may have left.
    pub(super) async fn send(
        &mut self,
        request: Sending,
        out: &Out,
    ) -> Result<hyper::Response<Incoming>, HttpError> {
        out.0.set(true);
        self.sender.try_send_request(request).await.map_err(|mut error| {
            // It comes back if nothing of it was written.
            out.0.set(error.take_message().is_none());
            let error = error.into_error();
            let large = error.is_parse_too_large();
            let code = if large { HttpErrorCode::TooLarge } else { HttpErrorCode::Protocol };
            HttpError::new(code, format!("no response: {error}"))
        })
    }
}

/// Connects to the first address of the host that answers within its share of the time. If it may not be near,
/// none of its addresses may be: a name that leads to both is not to be trusted with either.
pub(super) async fn connect(
    to: &Address,
    local: bool,
    (tls, time): (&Tls, Duration),
) -> Result<Connected, HttpError> {
    let addresses = resolve(to).await?;
    place::check(to, local, &addresses)?;
    let stream = reach(to, &addresses, time).await?;
    match to.scheme {
        Scheme::Http => speak(stream).await,
        Scheme::Https => {
            let failed = |error: &dyn std::fmt::Display| {
                HttpError::new(HttpErrorCode::Tls, format!("`{}`: {error}", to.host))
            };
            let name = ServerName::try_from(to.host.clone()).map_err(|error| failed(&error))?;
            let connector = TlsConnector::from(tls.config().await?);
            speak(connector.connect(name, stream).await.map_err(|error| failed(&error))?).await
        }
    }
}

async fn resolve(to: &Address) -> Result<Vec<SocketAddr>, HttpError> {
    if let Ok(ip) = to.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, to.port)]);
    }
    let failed = |why: String| HttpError::new(HttpErrorCode::Dns, format!("`{}`: {why}", to.host));
    let found = lookup_host((to.host.as_str(), to.port)).await;
    let found: Vec<SocketAddr> = found.map_err(|error| failed(error.to_string()))?.collect();
    if found.is_empty() { Err(failed(String::from("no address"))) } else { Ok(found) }
}

/// Tries one address after the other; one that does not answer leaves time for the next.
async fn reach(
    to: &Address,
    addresses: &[SocketAddr],
    time: Duration,
) -> Result<TcpStream, HttpError> {
    let addresses = &addresses[..addresses.len().min(limits::ADDRESSES_TRIED)];
    let share = time / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(HttpError::new(HttpErrorCode::Connect, format!("{}: {last}", to.origin())))
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
) -> Result<Connected, HttpError> {
    let made = http1::Builder::new()
        .max_headers(limits::HEADERS)
        .max_buf_size(2 * limits::HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = made.map_err(|error| {
        HttpError::new(HttpErrorCode::Protocol, format!("no conversation: {error}"))
    })?;
    let mut carrier = JoinSet::new();
    carrier.spawn_local(async move {
        // What goes wrong here shows in the response.
        let _ = connection.await;
    });
    Ok(Connected { sender, _carrier: carrier })
}

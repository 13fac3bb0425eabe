//! Requests over TLS, made by the real program to a server on this machine whose certificate is made here: who can show
//! that they are who they should be is spoken to, and nobody else.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use theater_flow_tests::web::asking;
use theater_flow_tests::{LIMIT, Ran, Scene, finish};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Who vouches for servers.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("a certificate")
}

/// What a server shows: for this name, until the end of this year.
fn config(authority: &Authority, name: &str, until: i32) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key.into());
    Arc::new(config.expect("they fit"))
}

/// A server: its port, and what it was asked, as far as it understood that.
fn serve(config: Arc<ServerConfig>) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(LIMIT));
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a good config");
            let mut stream = StreamOwned::new(connection, stream);
            let mut bytes = [0; 4096];
            let asked = stream.read(&mut bytes);
            let text = asked.map(|len| String::from_utf8_lossy(&bytes[..len]).into_owned());
            let _ = tell.send(text.unwrap_or_default());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
            let _ = stream.flush();
        }
    });
    (port, told)
}

/// Makes one request, with trust in this authority alone.
fn ask(scene: &Scene, port: u16, trusted: &Authority) -> Ran {
    scene.file("ca.pem", trusted.pem());
    scene.file("lines.txt", "a\n");
    let text = asking(port, "GET", ("local = true", "retry = { max = 0 }"));
    let text = text.replace("http://127.0.0.1", "https://localhost");
    let text = text.replace("\"http\"", "\"https\"").replace("\"127.0.0.1\"", "\"localhost\"");
    scene.file("pipeline.toml", text);
    let mut command = scene.command(["run", "pipeline.toml"]);
    command.env("SSL_CERT_FILE", scene.path().join("ca.pem")).env_remove("SSL_CERT_DIR");
    finish(&mut command, LIMIT)
}

#[test]
fn who_shows_who_they_are_is_asked() {
    let authority = authority();
    let (port, told) = serve(config(&authority, "localhost", 2099));
    let scene = Scene::new();
    let ran = ask(&scene, port, &authority).ends(0);
    assert_eq!(ran.json()[0]["body"], "ok", "{ran}");
    let asked = told.recv_timeout(LIMIT).expect("a request");
    assert!(asked.starts_with("GET /v1/x HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("idempotency-key: "), "{asked}");
    assert_eq!(scene.read("refused.jsonl"), "");
    scene.say("replay @latest").ends(0);
}

#[test]
fn who_does_not_is_asked_nothing() {
    let (mine, other) = (authority(), authority());
    let cases = [
        ("another authority vouches", config(&other, "localhost", 2099)),
        ("another name", config(&mine, "elsewhere.test", 2099)),
        ("no longer", config(&mine, "localhost", 2001)),
    ];
    for (why, config) in cases {
        let (port, told) = serve(config);
        let scene = Scene::new();
        ask(&scene, port, &mine).ends(0);
        let refused = scene.read("refused.jsonl");
        assert!(refused.contains("\"code\":\"tls\""), "{why}: {refused}");
        assert_eq!(told.recv_timeout(LIMIT).expect("a connection"), "", "{why}");
        scene.say("replay @latest").ends(0);
    }
}

//! HTTP/3 beside nginx, whose packaged version has none: a small server on a thread of its own, with sockets of the host.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use h3::server::RequestStream;
use http::Response;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, Incoming, ServerConfig, TokioRuntime};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use tokio::sync::oneshot;

use crate::authority::{Authority, Certificate};
use crate::{Host, LabError, Site};

/// Status and page of every site, by name.
type Pages = Arc<BTreeMap<String, (u16, String)>>;

/// The running server. It stops when dropped.
#[derive(Debug)]
pub(crate) struct H3Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl H3Server {
    /// Serves those of the sites that have HTTP/3 from `host`; `None` if there are none.
    pub(crate) fn start(host: &Host, sites: &[Site], authority: &Authority) -> Result<Option<Self>, LabError> {
        let sites: Vec<&Site> = sites.iter().filter(|site| site.h3).collect();
        if sites.is_empty() {
            return Ok(None);
        }
        let config = config(&sites, authority)?;
        let pages = Arc::new(sites.iter().map(|site| (site.name.to_string(), (site.status, site.page()))).collect());
        let mut addresses: Vec<SocketAddr> =
            sites.iter().flat_map(|site| site.served_at()).map(|ip| SocketAddr::new(ip, 443)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let bind = || addresses.iter().map(UdpSocket::bind).collect::<Result<Vec<_>, _>>();
        let wrong = |source| LabError::Host { host: host.name().to_owned(), step: "serving HTTP/3", source };
        let sockets = host.inside(bind)?.map_err(wrong)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                for socket in sockets {
                    let endpoint =
                        Endpoint::new(EndpointConfig::default(), Some(config.clone()), socket, Arc::new(TokioRuntime));
                    // A socket that the runtime does not take serves nobody, which the scene's verdicts show.
                    let Ok(endpoint) = endpoint else { continue };
                    tokio::spawn(accept(endpoint, Arc::clone(&pages)));
                }
                // Its sender going is the sign as well.
                let _ = stopped.await;
            });
        };
        let thread = thread::Builder::new().name("h3".to_owned()).spawn(serve).map_err(wrong)?;
        Ok(Some(Self { stop: Some(stop), thread: Some(thread) }))
    }
}

impl Drop for H3Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn config(sites: &[&Site], authority: &Authority) -> Result<ServerConfig, LabError> {
    let provider = Arc::new(ring::default_provider());
    let mut certificates = ResolvesServerCertUsingSni::new();
    for site in sites {
        let name = site.name.as_str();
        let files = authority.certify(name, &[&format!("*.{name}")])?;
        certificates.add(name, key(&files, &provider)?).map_err(tls(name))?;
    }
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.map_err(tls("h3"))?.with_no_client_auth().with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h3".to_vec()];
    let config = QuicServerConfig::try_from(config).map_err(std::io::Error::other).map_err(LabError::file("h3"))?;
    Ok(ServerConfig::with_crypto(Arc::new(config)))
}

fn key(files: &Certificate, provider: &rustls::crypto::CryptoProvider) -> Result<CertifiedKey, LabError> {
    let pem = |error: rustls::pki_types::pem::Error| std::io::Error::other(error);
    let chain = CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect);
    let chain = chain.map_err(pem).map_err(LabError::file(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(pem).map_err(LabError::file(&files.key))?;
    CertifiedKey::from_der(chain, key, provider).map_err(tls("h3"))
}

fn tls(name: &str) -> impl Fn(rustls::Error) -> LabError {
    move |error| LabError::file(name)(std::io::Error::other(error))
}

async fn accept(endpoint: Endpoint, pages: Pages) {
    while let Some(incoming) = endpoint.accept().await {
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            // Whatever a censor did to the connection, there is nobody here to tell.
            let _ = serve(incoming, &pages).await;
        });
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn serve(incoming: Incoming, pages: &Pages) -> Result<(), Broken> {
    let connection = h3_quinn::Connection::new(incoming.await?);
    let mut connection = h3::server::Connection::<_, Bytes>::new(connection).await?;
    while let Some(resolver) = connection.accept().await? {
        let (request, stream) = resolver.resolve_request().await?;
        answer(request.uri().host().and_then(|host| pages.get(host)), stream).await?;
    }
    Ok(())
}

async fn answer<S: h3::quic::BidiStream<Bytes>>(
    page: Option<&(u16, String)>,
    mut stream: RequestStream<S, Bytes>,
) -> Result<(), Broken> {
    // 421: a site that is not here.
    let (status, body) = page.map_or((421, ""), |(status, body)| (*status, body.as_str()));
    stream.send_response(Response::builder().status(status).body(())?).await?;
    stream.send_data(Bytes::copy_from_slice(body.as_bytes())).await?;
    Ok(stream.finish().await?)
}

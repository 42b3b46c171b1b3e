//! The running service: adapters wired to the application, listeners, and the stop.

use std::fs::{File, TryLockError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, bail};
use api_grpc::{GrpcConfig, GrpcTls};
use api_http::{HttpLimits, RenderMetrics};
use application::{AccessPolicy, App, AppParts, InvoiceSharing, Worker};
use domain::ports::clock::Clock;
use domain::ports::storage::{SharedSecret, Storage};
use storage_sql::{SqlConfig, SqlStorage};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Config, MailConfig};
use crate::measured::Measured;
use crate::registry::{self, Sandbox};
use crate::system::{SystemClock, UuidGenerator, entropy};

/// How long calls may still run once the service stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the database may take to let go.
const CLOSE: Duration = Duration::from_secs(5);
/// How often what was measured is summed up, so that nothing piles up where nobody asks for it.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Under which the store keeps the key that signs the URLs of hosted invoices.
const SHARING_KEY: &str = "invoice_sharing";

/// A service that runs.
pub(crate) struct Running {
    grpc: SocketAddr,
    /// Whether gRPC is spoken over TLS, and callers must show a certificate then.
    tls: Option<bool>,
    http: SocketAddr,
    access: AccessPolicy,
    storage: SqlStorage,
    sandbox: Option<Sandbox>,
    stop: watch::Sender<bool>,
    /// The parts, each answering its name when it ends.
    parts: JoinSet<&'static str>,
    /// Held as long as the service runs.
    _locks: Vec<File>,
}

impl Running {
    /// Starts everything.
    ///
    /// # Errors
    /// A listener, the database or an adapter can't be had.
    pub(crate) async fn start(config: Config) -> Result<Self> {
        let measured = Measured::install()?;
        let grpc_listener = listen(config.grpc_listen, "gRPC").await?;
        let http_listener = listen(config.http_listen, "HTTP").await?;
        let (grpc, http) = (grpc_listener.local_addr()?, http_listener.local_addr()?);
        let locks = config.make_directories()?.iter().map(|path| lock(path)).collect::<Result<Vec<File>>>()?;
        let database = SqlConfig::new(&config.database_url);
        let storage = SqlStorage::connect(&database).await.context("the database can't be used")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let providers = registry::providers(config.charging, &format!("http://{}", near(http))).await?;
        Measured::start(providers.all.iter().map(|provider| provider.name().to_string()).collect());
        let access = config.access;
        let public_url = config.public_url.map_or_else(|| format!("http://{http}"), String::from);
        let sharing = InvoiceSharing {
            key: storage.shared_secret(SHARING_KEY, SharedSecret::new(entropy()?)).await?,
            pages_url: format!("{}{}/", public_url.trim_end_matches('/'), api_http::INVOICE_PAGES),
        };
        let app = App::new(AppParts {
            storage: Arc::new(storage.clone()),
            callers_transactions_max: database.callers_transactions_max(),
            providers: providers.all,
            background_providers: providers.background,
            tax_calculator: config.tax_tables.clone(),
            tax_registration_rules: config.tax_tables,
            provider_tax: providers.tax,
            tax_id_registry: config.vies.as_ref().map(registry::tax_ids).transpose()?,
            renderer: registry::renderer(),
            sharing,
            mail: config.mail.map(MailConfig::parts).transpose()?,
            reconcile_every: config.reconcile_every,
            clock,
            ids: Arc::new(UuidGenerator),
            sellers: config.sellers,
            access,
        })
        .map_err(|error| anyhow::anyhow!(error))?;
        let (stop, stopping) = watch::channel(false);
        let mut parts = JoinSet::new();
        let grpc_config =
            GrpcConfig { open_reflection: access == AccessPolicy::Open, drain: DRAIN, tls: config.grpc_tls };
        let tls = grpc_config.tls.as_ref().map(GrpcTls::asks_for_certificates);
        parts.spawn(named("gRPC", serve_grpc(app.clone(), grpc_listener, grpc_config, stopping.clone())));
        parts.spawn(named("upkeep", keep_up(measured.clone(), stopping.clone())));
        let pool = storage.clone();
        let metrics: RenderMetrics = Arc::new(move || {
            pool.tell_pool();
            measured.render()
        });
        parts.spawn(named("HTTP", serve_http(app.clone(), http_listener, metrics, stopping.clone())));
        parts.spawn(named("the worker", Worker::new(app).run(stopped(stopping))));
        Ok(Self { grpc, tls, http, access, storage, sandbox: providers.sandbox, stop, parts, _locks: locks })
    }

    /// Runs until `stop`, or until a part ends that should not, which is an error; then stops.
    ///
    /// # Errors
    /// A part ended by itself: without it the service would live on and do half of its work.
    pub(crate) async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<()> {
        let lost = tokio::select! {
            () = stop => None,
            lost = self.lost_part() => Some(lost),
        };
        tracing::info!("stopping");
        self.stop().await;
        lost.map_or(Ok(()), Err)
    }

    async fn lost_part(&mut self) -> Error {
        match self.parts.join_next().await {
            Some(Ok(part)) => anyhow!("{part} ended by itself"),
            Some(Err(error)) => Error::new(error).context("a part of the service died"),
            None => anyhow!("no part of the service runs"),
        }
    }

    /// Tells the log where everything listens, for whoever does not see standard output.
    pub(crate) fn log_ready(&self) {
        let sandbox = self.sandbox.as_ref().map(|sandbox| sandbox.url().to_string());
        tracing::info!(grpc = %self.grpc, http = %self.http, sandbox, access = ?self.access, "ready");
    }

    /// Where gRPC listens.
    pub(crate) fn grpc_url(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.grpc)
    }

    /// Where everything listens, and a call to copy.
    pub(crate) fn greeting(&self) -> String {
        let mut text =
            format!("paylinks is ready.\n  gRPC      {}\n  HTTP      http://{}\n", self.grpc_url(), self.http);
        if let Some(sandbox) = &self.sandbox {
            let url = sandbox.url().as_str().trim_end_matches('/');
            text.push_str(&format!("  sandbox   {url} (no money moves)\n"));
        }
        // Which authority signed the certificate, and where the caller's own is, is the caller's to know.
        let transport = match self.tls {
            None => " -plaintext",
            Some(false) => " -cacert ca.crt",
            Some(true) => " -cacert ca.crt -cert client.crt -key client.key",
        };
        let header = match self.access {
            AccessPolicy::Open => "",
            AccessPolicy::ApiKeys => " -H 'authorization: Bearer pl_…'",
        };
        text.push_str(&format!(
            "Try: grpcurl{transport}{header} -d '{{\"request_id\": \"try-1\", \"name\": \"T-shirt\"}}' {} paylinks.v1.CatalogService/CreateProduct\n",
            near(self.grpc)
        ));
        text
    }

    /// Stops: health says so, calls drain, the worker finishes its round, and the files are closed.
    pub(crate) async fn stop(mut self) {
        // An error means that nothing listens any more, so nothing has to be told.
        let _ = self.stop.send(true);
        while let Some(ended) = self.parts.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the service did not stop as it should");
            }
        }
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
        // It waits for every connection, and one may hang.
        if tokio::time::timeout(CLOSE, self.storage.close()).await.is_err() {
            tracing::warn!("a connection to the database was still busy, and is cut off");
        }
    }
}

/// Where this machine reaches what listens there: everywhere is at home too.
fn near(listener: SocketAddr) -> SocketAddr {
    let loopback = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(loopback, listener.port())
}

async fn named(name: &'static str, part: impl Future<Output = ()>) -> &'static str {
    part.await;
    name
}

async fn listen(address: SocketAddr, what: &str) -> Result<TcpListener> {
    let hint = what.to_uppercase();
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{what} can't listen on {address} (PAYLINKS_{hint}_LISTEN chooses another)"))
}

/// Takes what a file stands for, for this process alone. The lock goes with the process, however it ends.
fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.with_context(|| format!("can't open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{} is in use by another paylinks (PAYLINKS_DATA_DIR chooses another directory)",
            path.with_extension("").display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("can't lock {}", path.display())),
    }
}

async fn serve_grpc(app: App, listener: TcpListener, config: GrpcConfig, stop: watch::Receiver<bool>) {
    if let Err(error) = api_grpc::serve(app, listener, config, stop).await {
        tracing::error!(%error, "gRPC stopped serving");
    }
}

fn serve_http(
    app: App,
    listener: TcpListener,
    metrics: RenderMetrics,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> {
    let router = api_http::router(app, metrics);
    api_http::serve(router, listener, HttpLimits { drain: DRAIN, ..HttpLimits::default() }, stop)
}

/// Sums up what was measured, until the service stops.
async fn keep_up(measured: Measured, stop: watch::Receiver<bool>) {
    let mut stopping = pin!(stopped(stop));
    loop {
        tokio::select! {
            () = &mut stopping => return,
            () = tokio::time::sleep(UPKEEP_EVERY) => measured.sum_up(),
        }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that whoever stops us is gone, which comes to the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_reached_on_loopback() {
        for (listener, want) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("192.0.2.7:8080", "192.0.2.7:8080")]
        {
            assert_eq!(near(listener.parse().unwrap()), want.parse().unwrap());
        }
    }

    #[tokio::test]
    async fn a_part_that_dies_ends_the_service_with_an_error() {
        let directory = std::env::temp_dir().join(format!("paylinks-parts-{}", std::process::id()));
        let mut running = Running::start(Config::for_demo(&directory).unwrap()).await.unwrap();
        running.parts.spawn(async { panic!("it dies") });
        let ended = tokio::time::timeout(DRAIN * 2, running.run_until(std::future::pending())).await.unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(format!("{:#}", ended.unwrap_err()).contains("died"));
    }
}

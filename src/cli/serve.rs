//! `andon serve`: the daemon.
//!
//! Owns the process: logging, the runtime, the signals. The work is the app's.

use super::{USAGE, check, output};
use crate::app::App;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::access::LOCAL;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// When everything else has ended, a stop waits this long for what can't be called off.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Arguments of `andon serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  andon serve --config config.example.toml\n  kill -HUP PID          # load the configuration anew\n\nEnvironment:\n  ANDON_LOG=debug        how much is logged (error, warn, info, debug, trace)\n  ANDON_LOG_FORMAT=json  one JSON object a line"
)]
pub(super) struct Arguments {
    /// The configuration; `config.example.toml` holds every key.
    #[arg(long)]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Some(settings) = check::read(&arguments.config, false) else { return ExitCode::from(USAGE) };
    if check::tokens(&arguments.config, &settings, false).is_none() {
        return ExitCode::from(USAGE);
    }
    start_logging("info");
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(format!("andon: can't start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(serve(settings, arguments.config.clone()));
    // What is on a thread of its own can't be called off, a test message to a slow receiver for one.
    runtime.shutdown_timeout(LAST_WAIT);
    code
}

/// Two worker threads at least: one may read a large body while another answers modes.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Logs to standard error, as `ANDON_LOG` and `ANDON_LOG_FORMAT` say.
pub(super) fn start_logging(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ANDON_LOG").unwrap_or_else(|_| default.into());
    // In full detail they would write addresses, and that of a Slack webhook is its secret.
    let quiet = ["ureq=info", "lettre=info"].into_iter().filter_map(|directive| directive.parse().ok());
    let filter = quiet.fold(filter, tracing_subscriber::EnvFilter::add_directive);
    // A log in a file is read without colours.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::is_terminal_err());
    if std::env::var("ANDON_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().init();
    } else {
        log.with_target(false).init();
    }
}

async fn serve(settings: Settings, file: PathBuf) -> ExitCode {
    let path = settings.store.path.display().to_string();
    let policy = settings.policy.hash.clone();
    let app = match App::start(settings, Some(file), Arc::new(SystemClock::default())).await {
        Ok(app) => app,
        Err(error) => {
            output::complain(format!("andon: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let address = app.address();
    tracing::info!(%address, store = path, policy, "andon listens on http://{address}, and shows its console there");
    if let Err(error) = until_told_to_stop(&app).await {
        tracing::error!(%error, "signals can't be heard: stopping");
    }
    tracing::info!("stopping: answering what waits");
    app.stop().await;
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// Returns at SIGTERM or SIGINT; loads the configuration anew at SIGHUP.
async fn until_told_to_stop(app: &App) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            // The outcome is logged and shown in the metrics.
            _ = hangup.recv() => drop(app.reloader().reload(LOCAL).await),
        }
    }
}

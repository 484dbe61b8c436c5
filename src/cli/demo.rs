//! `andon demo`: the whole daemon in this process, with simulated workflows that break.
//!
//! Owns the folder, the port and the end. Everything is real but the traffic: the same app, the
//! same configuration reader, the same HTTP. The policy is `demo_policy`'s, the telling `demo_story`'s.

use super::client::Client;
use super::demo_policy::{POLICY, STORE};
use super::demo_story::Story;
use super::{output, serve};
use crate::app::App;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Settings};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `andon demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon demo                     # until Ctrl-C; the first demotion comes after about 20 s
  andon demo --seconds 60
  andon demo --keep my-demo      # and look again with: andon serve --config my-demo/demo.toml

Nothing is written outside a temporary folder, which is removed at the end, or the one of --keep.")]
pub(super) struct Arguments {
    /// Stop after so many seconds [default: at Ctrl-C].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// The port to listen on; another one is taken where it is in use.
    #[arg(long, value_name = "PORT", default_value_t = 9797)]
    port: u16,
    /// Keep the store and the policy in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Tell the story as one JSON object a line.
    #[arg(long)]
    json: bool,
    /// How much faster than normal everything happens.
    #[arg(long, hide = true, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=50))]
    pace: u64,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    serve::start_logging("warn");
    let result = Folder::new(arguments.keep.as_deref()).and_then(|folder| {
        let runtime = serve::runtime().map_err(|error| format!("can't start: {error}"))?;
        runtime.block_on(demo(arguments, &folder))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(format!("andon: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Where the demo writes. Removed at the end unless it is to be kept.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn new(keep: Option<&Path>) -> Result<Self, String> {
        let failed = |path: &Path, error| format!("can't make the folder `{}`: {error}", path.display());
        if let Some(path) = keep {
            std::fs::create_dir_all(path).map_err(|error| failed(path, error))?;
            return Ok(Self { path: path.to_owned(), is_kept: true });
        }
        let name = format!("andon-demo-{}-{}", std::process::id(), SystemClock::default().now().0);
        let path = std::env::temp_dir().join(name);
        // Fails where it is there already, so that nobody else's folder is removed at the end.
        std::fs::create_dir(&path).map_err(|error| failed(&path, error))?;
        Ok(Self { path, is_kept: false })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            output::complain(format!("andon: `{}` could not be removed: {error}", self.path.display()));
        }
    }
}

/// The demo's settings: its policy, in the folder and at a port that is free.
fn settings(folder: &Folder, port: u16) -> Result<Settings, String> {
    let store = folder.path.join("store");
    let shown = store.to_str().ok_or_else(|| format!("`{}` is no text", store.display()))?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(port)?));
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let text = format!(
        "{}\n[server]\nlisten = {}\n",
        POLICY.replace(&quoted(STORE), &quoted(shown)),
        quoted(&listen.to_string())
    );
    if folder.is_kept {
        let file = folder.path.join("demo.toml");
        std::fs::write(&file, &text).map_err(|error| format!("can't write `{}`: {error}", file.display()))?;
    }
    config::load(&text, "the demo's policy").map_err(|problems| problems.to_string())
}

fn free_port(wanted: u16) -> Result<u16, String> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    free(wanted).or_else(|_| free(0)).map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}

async fn demo(arguments: &Arguments, folder: &Folder) -> Result<(), String> {
    let settings = settings(folder, arguments.port)?;
    let clock = Arc::new(SystemClock::default());
    let started_at = clock.now();
    let app = App::start(settings, None, clock).await.map_err(|error| error.to_string())?;
    let port = app.address().port();
    let client = Client::new(&app.address().to_string()).map_err(|error| error.to_string())?;
    let other = (arguments.port != 0 && port != arguments.port).then_some(arguments.port);
    let ended = Arc::new(AtomicBool::new(false));
    let story = Story::new(client, arguments.json, arguments.pace, started_at);
    story.begin(&folder.path, folder.is_kept, other);
    let (stop, seconds) = (Arc::clone(&ended), arguments.seconds);
    let mut telling = tokio::task::spawn_blocking(move || story.tell(seconds, &stop));
    let told = tokio::select! {
        told = &mut telling => told,
        result = interrupted() => {
            ended.store(true, Ordering::Relaxed);
            result.map_err(|error| format!("signals can't be heard: {error}"))?;
            telling.await
        }
    };
    app.stop().await;
    told.map_err(|error| format!("the traffic ended: {error}"))?.map_err(|error| error.to_string())
}

/// Returns at Ctrl-C or SIGTERM.
async fn interrupted() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

//! The train ride: the link goes silent without a word, as a VPN does, and comes back.

use std::collections::HashSet;
use std::time::Duration;

use kontrast::model::{ClusterState, Ingest, Report, StreamState};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::demo::{demo, now, story};
use super::since;

/// A wire that can go dead: bytes that enter it then do not come out, and nobody is told.
struct Wire {
    port: u16,
    alive: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Wire {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let alive = watch::Sender::new(true);
        let mut tasks = JoinSet::new();
        let told = alive.subscribe();
        tasks.spawn(async move {
            let mut wires = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                wires.spawn(pass(near_in, far_out, told.clone()));
                wires.spawn(pass(far_in, near_out, told.clone()));
            }
        });
        Self {
            port: own,
            alive,
            _tasks: tasks,
        }
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut alive: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if alive.wait_for(|alive| *alive).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    // The other end learns of it only over a wire that is alive.
    drop(alive.wait_for(|alive| *alive).await);
    drop(to.shutdown().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_link_is_noticed_and_nothing_is_lost_or_doubled() {
    let now = now();
    let demo = demo(&now).await;
    let kubeconfig = demo.kubeconfig();
    let context = "staging";
    let server = kubeconfig
        .split(&format!("- name: \"{context}\""))
        .nth(1)
        .or_else(|| kubeconfig.split(&format!("- name: {context}\n")).nth(1));
    let port = server.unwrap().split("https://127.0.0.1:").nth(1).unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let wire = Wire::to(port.parse().unwrap()).await;
    let kubeconfig = kubeconfig.replace(
        &format!("https://127.0.0.1:{port}"),
        &format!("https://127.0.0.1:{}", wire.port),
    );
    let mut story = story(&kubeconfig, context, &now, since(60));
    story.until_state("live", ClusterState::is_live).await;
    story.until("lines", |story| story.texts("web").len() > 50).await;

    let ridden = async {
        wire.alive.send_replace(false);
        story
            .until_for(Duration::from_mins(1), "stale", |story| {
                story
                    .state()
                    .is_some_and(|state| matches!(state, ClusterState::Stale { .. }))
            })
            .await;
        story
            .until_for(Duration::from_mins(1), "a stream says so", |story| {
                story.reports.iter().any(|report| {
                    matches!(
                        report,
                        Report::StreamChanged {
                            state: StreamState::Reconnecting { .. },
                            ..
                        }
                    )
                })
            })
            .await;
        wire.alive.send_replace(true);
        story.handle.retry();
        story
            .until_for(Duration::from_mins(1), "live again", |story| {
                story.state().is_some_and(ClusterState::is_live)
            })
            .await;
        let before = story.texts("web").len();
        story
            .until_for(Duration::from_mins(1), "lines again", |story| {
                story.texts("web").len() > before + 50
            })
            .await;
    };
    timeout(Duration::from_mins(3), ridden).await.unwrap();
    let mut seen = HashSet::new();
    for ingest in &story.ingests {
        if let Ingest::Lines { source, lines } = ingest {
            for line in lines {
                assert!(seen.insert((*source, line.time, line.bytes.clone())), "twice: {line:?}");
            }
        }
        assert!(!matches!(ingest, Ingest::GapFound { .. }), "{ingest:?}");
    }
    demo.stop().await;
}

//! The embedded clusters as the client library sees them that the product is built on.

use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::api::{Api, AttachParams, ListParams, LogParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, Config};
use tokio::io::AsyncReadExt as _;

use super::tls::demo;

#[tokio::test]
async fn a_client_is_mounted_without_a_network() {
    let demo = demo().await;
    let client = Client::new(demo.api("prod").unwrap(), "shop");
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let params = ListParams::default().labels("app=api");
    let list = pods.list(&params.clone().limit(2)).await.unwrap();
    assert_eq!(
        (list.items.len(), list.metadata.remaining_item_count),
        (2, None),
        "a selector hides how many there are"
    );
    let token = list.metadata.continue_.unwrap();
    assert_eq!(pods.list(&params.continue_token(&token)).await.unwrap().items.len(), 1);
    let crashed = list.items.iter().find(|pod| pod.status.is_some()).unwrap();
    let status = &crashed.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
    assert!(status.restart_count > 0);
    // Every kind must fit the types, not only the ones with surprises in them.
    let all = ListParams::default();
    assert!(
        !Api::<Node>::all(client.clone())
            .list(&all)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(
        !Api::<Event>::all(client.clone())
            .list(&all)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let deployments = Api::<Deployment>::default_namespaced(client)
        .list_metadata(&all)
        .await
        .unwrap();
    assert!(
        deployments
            .items
            .iter()
            .any(|deployment| deployment.metadata.name.as_deref() == Some("api"))
    );
    demo.stop().await;
}

#[tokio::test]
async fn watches_and_logs_are_streams() {
    let demo = demo().await;
    let client = Client::new(demo.api("dev").unwrap(), "shop");
    let pods: Api<Pod> = Api::default_namespaced(client);
    let watching = pods
        .watch(&WatchParams::default().timeout(1).labels("app=api"), "0")
        .await
        .unwrap();
    let events: Vec<_> = watching.try_collect().await.unwrap();
    assert_eq!(
        events
            .iter()
            .filter(|event| matches!(event, WatchEvent::Added(_)))
            .count(),
        3
    );
    let streaming = watcher::Config::default().streaming_lists().labels("app=api");
    let mut seen = Box::pin(watcher::watcher(pods.clone(), streaming).applied_objects());
    let pod = seen.next().await.unwrap().unwrap();
    let params = LogParams {
        follow: true,
        timestamps: true,
        tail_lines: Some(3),
        ..LogParams::default()
    };
    let log = pods
        .log_stream(pod.metadata.name.as_deref().unwrap(), &params)
        .await
        .unwrap();
    let lines: Vec<_> = log.lines().take(4).try_collect().await.unwrap();
    assert!(lines.iter().all(|line| line.contains("Z ")), "{lines:?}");
    demo.stop().await;
}

#[tokio::test]
async fn commands_run_over_the_network() {
    let demo = demo().await;
    let kubeconfig = Kubeconfig::from_yaml(&demo.kubeconfig()).unwrap();
    let options = KubeConfigOptions {
        context: Some("staging-jane".to_owned()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(Client::try_from(config).unwrap());
    let list = pods.list(&ListParams::default().labels("app=api")).await.unwrap();
    let name = list.items[0].metadata.name.as_deref().unwrap();
    let command = ["sh", "-c", "echo out; exit 3"];
    let mut process = pods.exec(name, command, &AttachParams::default()).await.unwrap();
    let (mut stdout, status) = (process.stdout().unwrap(), process.take_status().unwrap());
    let mut text = String::new();
    stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "out\n");
    let causes = status.await.unwrap().details.unwrap().causes.unwrap();
    assert_eq!(causes[0].message.as_deref(), Some("3"));
    demo.stop().await;
}

//! The kubeconfig of the embedded clusters, as text: a context for each user of each cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One cluster in a kubeconfig.
pub(crate) struct Server {
    pub(crate) name: String,
    /// `https://127.0.0.1:40123`
    pub(crate) url: String,
    pub(crate) authority_pem: String,
    /// The first user has the context with the cluster's plain name.
    pub(crate) users: Vec<Credentials>,
}

/// How a user proves who they are.
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) proof: Proof,
}

pub(crate) enum Proof {
    Certificate { certificate_pem: String, key_pem: String },
    Token(String),
}

impl Server {
    /// The name of a user's context, and of the user in the file.
    pub(crate) fn context(&self, user: &Credentials) -> String {
        let is_first = self.users.first().is_some_and(|first| first.name == user.name);
        if is_first {
            self.name.clone()
        } else {
            format!("{}-{}", self.name, user.name)
        }
    }

    fn account(&self, user: &Credentials) -> String {
        format!("{}-{}", self.name, user.name)
    }
}

/// The file. `namespace` is the one that every context starts in.
pub(crate) fn write(servers: &[Server], namespace: &str) -> String {
    let current = servers.first().map_or("", |server| server.name.as_str());
    let mut pieces = vec!["apiVersion: v1\nkind: Config\npreferences: {}\nclusters:\n".to_owned()];
    pieces.extend(servers.iter().map(cluster));
    pieces.push("users:\n".to_owned());
    pieces.extend(pairs(servers).map(|(server, user)| account(server, user)));
    pieces.push("contexts:\n".to_owned());
    pieces.extend(pairs(servers).map(|(server, user)| context(server, user, namespace)));
    pieces.push(format!("current-context: {}\n", quoted(current)));
    pieces.concat()
}

fn cluster(server: &Server) -> String {
    let authority = STANDARD.encode(&server.authority_pem);
    let (name, url) = (quoted(&server.name), quoted(&server.url));
    format!("- name: {name}\n  cluster:\n    server: {url}\n    certificate-authority-data: {authority}\n")
}

fn account(server: &Server, user: &Credentials) -> String {
    let name = quoted(&server.account(user));
    let proof = match &user.proof {
        Proof::Certificate {
            certificate_pem,
            key_pem,
        } => {
            let (certificate, key) = (STANDARD.encode(certificate_pem), STANDARD.encode(key_pem));
            format!("    client-certificate-data: {certificate}\n    client-key-data: {key}\n")
        }
        Proof::Token(token) => format!("    token: {}\n", quoted(token)),
    };
    format!("- name: {name}\n  user:\n{proof}")
}

fn context(server: &Server, user: &Credentials, namespace: &str) -> String {
    let (name, cluster) = (quoted(&server.context(user)), quoted(&server.name));
    let (account, namespace) = (quoted(&server.account(user)), quoted(namespace));
    format!("- name: {name}\n  context:\n    cluster: {cluster}\n    user: {account}\n    namespace: {namespace}\n")
}

fn pairs(servers: &[Server]) -> impl Iterator<Item = (&Server, &Credentials)> {
    servers
        .iter()
        .flat_map(|server| server.users.iter().map(move |user| (server, user)))
}

/// A double-quoted YAML scalar: JSON strings are YAML strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Vec<Server> {
        let users = vec![
            Credentials {
                name: "admin".to_owned(),
                proof: Proof::Certificate {
                    certificate_pem: "CERT".to_owned(),
                    key_pem: "KEY".to_owned(),
                },
            },
            Credentials {
                name: "jane".to_owned(),
                proof: Proof::Token("to\"ken".to_owned()),
            },
        ];
        vec![Server {
            name: "dev".to_owned(),
            url: "https://127.0.0.1:1".to_owned(),
            authority_pem: "CA".to_owned(),
            users,
        }]
    }

    #[test]
    fn the_file_is_the_yaml_that_kubectl_reads() {
        let text = write(&servers(), "shop");
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(value["current-context"], "dev");
        assert_eq!(value["clusters"][0]["cluster"]["certificate-authority-data"], "Q0E=");
        assert_eq!(value["users"][0]["user"]["client-key-data"], "S0VZ");
        assert_eq!(value["users"][1]["user"]["token"], "to\"ken");
        let contexts: Vec<_> = value["contexts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|context| context["name"].clone())
            .collect();
        assert_eq!(contexts, ["dev", "dev-jane"]);
        assert_eq!(value["contexts"][1]["context"]["namespace"], "shop");
    }
}

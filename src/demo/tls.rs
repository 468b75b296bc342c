//! Certificates of an embedded cluster: its own authority, the server's, and one for each user; and the TLS they make.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::demo::cluster::User;

/// Why a cluster cannot have TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("set up TLS: {0}")]
    Rustls(#[from] rustls::Error),
    #[error("set up the check of client certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// The certificates of one cluster.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Issued {
    pub certificate_pem: String,
    pub certificate_der: Vec<u8>,
    pub key_pem: String,
    key_der: Vec<u8>,
}

impl Authority {
    /// A new authority; its key never leaves this process.
    pub fn new(cluster: &str) -> Result<Self, TlsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("{cluster}-ca"), &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client certificate: the common name is the user, the organisations are the groups.
    pub fn issue_client(&self, user: &User) -> Result<Issued, TlsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&user.name, &user.groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue_server(&self) -> Result<Issued, TlsError> {
        let names = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default.svc"];
        let mut params = CertificateParams::new(names.map(str::to_owned).to_vec())?;
        params
            .subject_alt_names
            .push(SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()));
        params.distinguished_name = named("kube-apiserver", &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued, TlsError> {
        let key = KeyPair::generate()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
        })
    }

    /// TLS for the API: HTTP/2 and HTTP/1.1, and whoever shows a certificate of this authority has proved who they are.
    pub fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let server = self.issue_server()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
        let chain = vec![CertificateDer::from(server.certificate_der)];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.key_der));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn named(common: &str, organizations: &[String]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for organization in organizations {
        name.push(DnType::OrganizationName, organization.as_str());
    }
    name.push(DnType::CommonName, common);
    name
}

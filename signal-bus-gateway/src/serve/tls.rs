//! Certificates and keys of the TLS listener.

use std::{fs, path::PathBuf, sync::Arc};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

use crate::{
    config::{TlsConfig, Written},
    problem::Problems,
};

/// Makes ready to accept TLS; nothing, if one of the files is not as it should be.
pub(crate) fn acceptor(config: &TlsConfig, problems: &mut Problems) -> Option<TlsAcceptor> {
    let certificates = certificates("server.tls.cert", &config.certificate, problems);
    let chain = config.chain.as_ref();
    let chain = chain.map(|chain| self::certificates("server.tls.chain", chain, problems));
    let key = key(&config.key, problems);
    let mut certificates = certificates?;
    certificates.extend(chain.unwrap_or_else(|| Some(Vec::new()))?);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.expect("the provider speaks TLS 1.2 and 1.3");
    let server = builder
        .with_no_client_auth()
        .with_single_cert(certificates, key?);
    match server {
        Ok(server) => Some(TlsAcceptor::from(Arc::new(server))),
        Err(error) => {
            let (certificate, key) = (&config.certificate.value, &config.key);
            let (certificate, file) = (certificate.display(), key.value.display());
            let text = format!(
                "expected the key of {certificate}, but {file} does not go together with it: {error}"
            );
            problems.refuse(key.line, "server.tls.key", text);
            None
        }
    }
}

fn certificates(
    name: &str,
    file: &Written<PathBuf>,
    problems: &mut Problems,
) -> Option<Vec<CertificateDer<'static>>> {
    let pem = read(name, file, problems)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let (line, path) = (file.line, file.value.display());
    match certificates {
        Ok(certificates) if !certificates.is_empty() => return Some(certificates),
        Ok(_) => {
            let text = format!("expected a certificate in PEM form, {path} holds none");
            problems.refuse(line, name, text);
        }
        Err(error) => {
            let text = format!("expected a certificate in PEM form, found in {path}: {error}");
            problems.refuse(line, name, text);
        }
    }
    None
}

fn key(file: &Written<PathBuf>, problems: &mut Problems) -> Option<PrivateKeyDer<'static>> {
    let pem = read("server.tls.key", file, problems)?;
    let key = PrivateKeyDer::from_pem_slice(&pem);
    key.map_err(|error| {
        let path = file.value.display();
        let text = format!("expected a private key in PEM form, found in {path}: {error}");
        problems.refuse(file.line, "server.tls.key", text);
    })
    .ok()
}

fn read(name: &str, file: &Written<PathBuf>, problems: &mut Problems) -> Option<Vec<u8>> {
    let read = fs::read(&file.value);
    read.map_err(|error| {
        let path = file.value.display();
        let text = format!("expected a file in PEM form, {path} cannot be read: {error}");
        problems.refuse(file.line, name, text);
    })
    .ok()
}

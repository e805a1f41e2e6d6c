//! Certificates and keys of the TLS listener.

use std::{fs, io, path::Path, sync::Arc};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

use crate::config::TlsConfig;

/// Makes ready to accept TLS; the error names the file.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, String> {
    let mut certificates = certificates(&config.certificate)?;
    if let Some(chain) = &config.chain {
        certificates.extend(self::certificates(chain)?);
    }
    let key = read(&config.key)?;
    let key = PrivateKeyDer::from_pem_slice(&key);
    let key = key.map_err(|error| {
        format!(
            "{}: no private key in PEM form: {error}",
            config.key.display()
        )
    })?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.expect("the provider speaks TLS 1.2 and 1.3");
    let server = builder
        .with_no_client_auth()
        .with_single_cert(certificates, key);
    let server = server.map_err(|error| {
        let (certificate, key) = (config.certificate.display(), config.key.display());
        format!("{certificate} and {key} do not go together: {error}")
    })?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{}: no certificate in PEM form", path.display())),
        Err(error) => Err(format!(
            "{}: no certificate in PEM form: {error}",
            path.display()
        )),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unread = |error: io::Error| format!("{}: cannot be read: {error}", path.display());
    fs::read(path).map_err(unread)
}

//! The one signature that a pod takes, for jsonwebtoken.
//!
//! jsonwebtoken's own backend brings every curve along, which is a quarter of the component; this brings RSA
//! with SHA-256 and nothing else. Signing is blinded, so that its time tells nothing of the key.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, SignatureEncoding as _, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rsa::pkcs1::{DecodeRsaPrivateKey as _, DecodeRsaPublicKey as _};
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::rand_core::OsRng;
use rsa::signature::RandomizedSigner as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Makes jsonwebtoken sign with this. May be called again and again.
pub fn install() {
    // An error means that it is installed already.
    let _ = PROVIDER.install_default();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::RS256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let key = RsaPrivateKey::from_pkcs1_der(key.as_bytes()).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    Ok(Box::new(Rs256(SigningKey::new(key))))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::RS256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let key = RsaPublicKey::from_pkcs1_der(key.try_get_as_bytes()?).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    Ok(Box::new(Verify(VerifyingKey::new(key))))
}

struct Rs256(SigningKey<Sha256>);

impl Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.try_sign_with_rng(&mut OsRng, message)?.to_vec())
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct Verify(VerifyingKey<Sha256>);

impl Verifier<Vec<u8>> for Verify {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.0.verify(message, &Signature::try_from(signature.as_slice())?)
    }
}

impl JwtVerifier for Verify {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

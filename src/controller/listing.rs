//! All objects as they are now, for a command that looks once.

use kube::Client;
use kube::api::ListParams;

use super::preflight::scoped;
use super::stored::Stored;
use crate::crd::ResellerCustomer;
use crate::plan::claims::Claimant;

/// Objects of one answer.
const PAGE: u32 = 500;

/// An object: what it claims, and itself if it parses.
pub type Listed = (Claimant, Option<Box<ResellerCustomer>>);

/// All objects of one namespace, or of all; consistent, because it is read from etcd.
///
/// # Errors
///
/// Those of the API server: 403 without the right to list them, 404 without the CRD.
pub async fn list(client: &Client, namespace: Option<&str>) -> kube::Result<Vec<Listed>> {
    let api = scoped(client, namespace);
    let mut params = ListParams::default().limit(PAGE);
    let mut listed = Vec::new();
    loop {
        let page = api.list(&params).await?;
        listed.extend(page.items.into_iter().map(|stored| {
            let claimant = stored.claimant();
            let object = match stored {
                Stored::Parsed(object) => Some(object),
                Stored::Unparsable(_) => None,
            };
            (claimant, object)
        }));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(listed),
        }
    }
}

//! Names that other programs rely on.

/// API group of all our kinds.
pub const GROUP: &str = "reseller-operator.dev";
/// Field manager of every write to a `ResellerCustomer`, and the controller's name in Events.
pub const FIELD_MANAGER: &str = "reseller-operator";
/// A changed value asks for a pass now; answered in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "reseller-operator.dev/reconcile-requested-at";
/// A person's word for an order that could be a second one; its value is `status.approval.token`.
pub const APPROVE_ORDER: &str = "reseller-operator.dev/approve-order";

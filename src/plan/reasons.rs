//! The closed set of condition reasons, each with its meaning and what to do: the source of
//! `docs/conditions.md`. Contract: status.md, section 2.

/// One row of `docs/conditions.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonDoc {
    /// The reason as it stands in the condition.
    pub reason: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What a person does about it.
    pub remedy: &'static str,
}

/// Declares an enum of reasons together with their documentation, so that neither can be had
/// without the other.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident: $meaning:literal, $remedy:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $meaning] $variant),+ }

        impl $name {
            /// The reason as it stands in the condition.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }

            /// Every reason with its meaning and its remedy.
            pub const DOCS: &'static [ReasonDoc] = &[$(ReasonDoc {
                reason: stringify!($variant),
                meaning: $meaning,
                remedy: $remedy,
            }),+];
        }
    };
}

reasons! {
    /// Reasons of Ready that are not those of Stalled or Reconciling.
    ReadyReason {
        InSync: "The account is ours and every managed field equals the manifest.", "Nothing.";
        Observed: "The policy is Observe and the account was seen.", "Nothing; Synced tells whether the account differs from the manifest.";
        Drifted: "Somebody changed the account elsewhere; `status.drift` lists the fields.", "With driftPolicy Report: change the account or the manifest. With Correct: nothing, it is being written back.";
        Progressing: "The operator is working on this generation.", "Wait; Reconciling tells what is being done.";
        Paused: "The object was suspended before a verdict on it.", "Set spec.suspend to false.";
        Stale: "Google could not be read for longer than the staleness budget.", "Look at Synced: it tells why Google cannot be read.";
    }
}

reasons! {
    /// Reasons of Reconciling.
    Reconciling {
        Progressing: "A new generation is about to be looked at.", "Wait.";
        Ordering: "An order is on the way, or its outcome is being read.", "Wait; it is never repeated before Google has told.";
        Updating: "Changed fields are being written.", "Wait.";
        Onboarding: "The account exists; language and first administrator are being set up.", "Wait.";
        CorrectingDrift: "A change made elsewhere is being written back.", "Wait; set driftPolicy Report to keep such changes.";
        ProgressingWithRetry: "Google could not do it now (outage, quota, fresh account); it is tried again with backoff.", "Wait; the message holds Google's reason.";
        SecretPending: "The password Secret exists without the key that the manifest names.", "Add the key; after an hour this becomes Stalled.";
        OrderLimit: "The hourly limit of orders (`--max-orders-per-hour`) is reached.", "Wait, or check whether so many orders are meant.";
    }
}

reasons! {
    /// Reasons of Stalled: a person must act.
    Stalled {
        InvalidSpec: "The manifest is not possible.", "Mend the fields that the message names.";
        ForeignManaged: "The account belongs to Google or to another reseller.", "Get a transfer token from the customer, list the transferable subscriptions, and transfer them in the Partner Sales Console.";
        TeamsExist: "Team customers exist on this domain.", "For a domain customer: the customer buys from Google, verifies the domain, takes the teams over, and transfers. For a team: pin customerId, or approve another order as the message says.";
        TypeMismatch: "The manifest says domain and Google says team.", "Change the manifest, or have the customer verify its domain.";
        DuplicateClaim: "Another object already manages this domain or account.", "Remove one of the two objects.";
        IdentityMismatch: "The account with this id has another primary domain.", "Pin spec.customerId and set spec.customerDomain to the new name.";
        CustomerNotFound: "There is no account with the pinned id.", "Correct or remove spec.customerId.";
        CustomerIdChanged: "The account was deleted and made anew: the domain has another id.", "Set spec.customerId to the new id.";
        CustomerVanished: "The account is gone from Google.", "Delete the object, or approve a new order as the message says.";
        OrderNotAllowed: "There is no account, and the policy does not allow an order.", "Set managementPolicy Full to order, or correct the domain.";
        OrderRefused: "Google refused the order.", "Mend what Google names; a change of the manifest tries again at once.";
        OrderOutcomeUnknown: "It is not known whether an order was carried out.", "Find the account in the Partner Sales Console and pin its id, or approve another order as the message says.";
        AdoptionRequiresApproval: "The account exists and differs, and adoptionPolicy is IfUnchanged.", "Make the manifest equal to the account (`status.drift`), or set adoptionPolicy Always.";
        UpdateRefused: "Google refused the change.", "Mend the field that the message names.";
        ValueNotAccepted: "Google took the request and kept another value.", "Change the field to a value that Google keeps.";
        AdminRefused: "The first administrator cannot be made.", "Choose an address that is not in use, or remove initialAdmin.";
        SecretInvalid: "The password Secret cannot be used.", "Put 8 to 100 ASCII characters under the key that the manifest names.";
        ReadRefused: "Google refuses to look the account up.", "Check the domain or the id.";
        PermissionDenied: "The credential may not do this.", "Check the reseller's access to the customer, and the scopes of domain-wide delegation.";
        CredentialsInvalid: "Google does not take the operator's credential.", "Check the key, the subject and the domain-wide delegation; see the operator's log.";
    }
}

reasons! {
    /// Reasons of Synced.
    SyncedReason {
        InSync: "The last read matched the manifest.", "Nothing.";
        Pending: "Something is still to be written.", "See Ready.";
        Drifted: "The account differs; `status.drift` lists the fields.", "See Ready.";
        ValueNotAccepted: "Google kept another value than the one that was sent.", "See Ready.";
        NotManaged: "There is no account of ours to compare with.", "See Ready.";
        NotRead: "Nothing was compared.", "See Ready.";
        QuotaExceeded: "Google's quota is used up; the operator slows down.", "Wait, or lower --requests-per-second.";
        Unavailable: "Google did not answer, or not as Google does.", "Wait; if it lasts, check the network and any proxy.";
        CredentialsInvalid: "Google does not take the operator's credential.", "Check the key, the subject and the domain-wide delegation.";
    }
}

reasons! {
    /// Reasons of Paused.
    PausedReason {
        Suspended: "spec.suspend is true: nothing is read or written at Google.", "Set spec.suspend to false.";
    }
}

reasons! {
    /// Reasons of Managed, ForeignManaged and MultipleTeams: what was seen.
    FactReason {
        FullRecord: "Google answered with the full record: the customer is ours.", "Nothing.";
        MinimalRecord: "Google answered with id, domain and type only: the customer is somebody else's.", "See Stalled.";
        TeamsOnDomain: "Google answered that teams exist on this domain.", "See Stalled.";
        DomainFree: "Google knows no account with this domain.", "Nothing.";
        NotFound: "Google knows no account with this id.", "See Stalled.";
        AccessDenied: "Google refuses the read.", "See Stalled.";
        NotRead: "It was not asked.", "Wait, or see Stalled.";
    }
}

reasons! {
    /// Reasons of AwaitingToS.
    TermsReason {
        PendingAcceptance: "The terms of service are not accepted yet.", "An administrator of the customer signs in at `status.resourceUiUrl` and accepts; no reseller may do it for them.";
        Accepted: "The terms of service are accepted.", "Nothing.";
        NoSignal: "Neither a subscription nor an administrator tells.", "Create a subscription.";
        NotManaged: "No account of ours was seen.", "See Managed.";
        AccessDenied: "The credential may not read what would tell.", "Grant the Directory scopes, or ignore this condition.";
        NotRead: "What would tell could not be read.", "Wait.";
    }
}

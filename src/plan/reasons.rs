//! The closed sets of reasons of conditions and Events, each with its meaning and what to do: the
//! source of `docs/conditions.md`. Contract: status.md, section 2.

/// One row of `docs/conditions.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonDoc {
    /// The reason as it is written.
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
            /// The reason as it is written.
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
        InSync: "The account is ours, and every field of the manifest has its value at Google.", "Nothing.";
        Observed: "`managementPolicy` is `Observe`, and Google was asked.", "Nothing; Synced tells whether the account differs from the manifest.";
        Drifted: "Somebody changed the account elsewhere; `status.drift` lists the fields.", "With `driftPolicy: Report`: change the account or the manifest. With `Correct`: nothing, it is being written back.";
        Progressing: "The operator is working on the latest change of the manifest.", "Wait; Reconciling tells what is being done.";
        Paused: "The object was suspended before its latest change was applied.", "Set `spec.suspend` to `false` when work may go on.";
        Stale: "Google could not be read for longer than `--staleness-budget`, so nobody knows whether the account is still as it was.", "Look at Synced: it tells why Google cannot be read.";
    }
}

reasons! {
    /// Reasons of Reconciling.
    Reconciling {
        Progressing: "A change of the manifest is about to be looked at.", "Wait.";
        Ordering: "An order is on its way, or its outcome is being found out.", "Wait; it is never repeated before Google has told.";
        Updating: "Changed fields are being written.", "Wait.";
        Onboarding: "The account exists; language and first administrator are being set up.", "Wait.";
        CorrectingDrift: "A change made elsewhere is being written back.", "Wait; set `driftPolicy: Report` to keep such changes.";
        ProgressingWithRetry: "Google cannot do it now (outage, quota, an account that is too new); it is tried again at growing intervals.", "Wait; the message holds Google's reason.";
        SecretPending: "The password Secret exists without the key that the manifest names.", "Add the key; after an hour this becomes Stalled.";
        OrderLimit: "The hourly limit of orders (`--max-orders-per-hour`) is reached.", "Wait, or check whether so many orders are meant.";
    }
}

reasons! {
    /// Reasons of Stalled: a person must act.
    Stalled {
        InvalidSpec: "The manifest asks for something that cannot be.", "Mend the fields that the message names.";
        ForeignManaged: "The account belongs to Google or to another reseller.", "Get a transfer token from the customer, list the transferable subscriptions, and transfer them in the Partner Sales Console.";
        TeamsExist: "There are team customers on this domain.", "For a domain customer: the customer buys from Google, verifies the domain, takes the teams over, and transfers. For a team: set `customerId`, or approve another order as the message says.";
        TypeMismatch: "The manifest says `domain`, and the account is a team.", "Change the manifest, or have the customer verify its domain.";
        DuplicateClaim: "Another object already manages this domain or account.", "Find it with `kubectl get rcust -A --field-selector spec.customerDomain=DOMAIN`, and remove one of the two.";
        IdentityMismatch: "The account with this id has another primary domain: it was renamed, or the id is wrong.", "Set `customerId` to the value of `status.customerId`, then `customerDomain` to the new name; or correct the id.";
        CustomerNotFound: "There is no account with the id in `customerId`.", "Correct or remove `customerId`.";
        CustomerIdChanged: "The account was deleted and made anew: the domain has another id now.", "Set `customerId` to the new id.";
        CustomerVanished: "The account is gone from Google.", "Delete the object, or approve a new order as the message says.";
        OrderNotAllowed: "There is no account, and `managementPolicy` does not allow an order.", "Set `managementPolicy: Full` to order, or correct the domain.";
        OrderRefused: "Google refused the order.", "Mend what Google names; a change of the manifest tries again at once.";
        OrderOutcomeUnknown: "It is not known whether an order was carried out.", "Find the account in the Partner Sales Console and set `customerId`, or approve another order as the message says.";
        AdoptionRequiresApproval: "The account exists and differs, and `adoptionPolicy` is `IfUnchanged`.", "Make the manifest equal to the account (`status.drift`), or set `adoptionPolicy: Always`.";
        UpdateRefused: "Google refused the change.", "Mend the field that the message names.";
        ValueNotAccepted: "Google took the request and kept another value.", "Change the field to a value that Google keeps.";
        AdminRefused: "The first administrator cannot be made: the address is in use, or Google refused it.", "Choose an address that is not in use, or remove `initialAdmin`.";
        SecretInvalid: "The password Secret cannot be used.", "Put 8 to 100 ASCII characters under the key that the manifest names.";
        ReadRefused: "Google refuses to look the account up.", "Check the domain or the id.";
        PermissionDenied: "The operator's credential may not do this.", "Check that the customer is still yours, and that domain-wide delegation grants the scopes of the README.";
        CredentialsInvalid: "Google does not take the operator's credential.", "Check the key, the subject and the domain-wide delegation; the operator's log tells more.";
    }
}

reasons! {
    /// Reasons of Synced.
    SyncedReason {
        InSync: "The last read matched the manifest.", "Nothing.";
        Pending: "Something is still to be written.", "See Ready.";
        Drifted: "The account differs; `status.drift` lists the fields.", "See Ready.";
        ValueNotAccepted: "Google kept another value than the one that was sent.", "See Stalled.";
        NotManaged: "There is no account of ours to compare with.", "See Ready.";
        NotRead: "The account was not read, so nothing was compared.", "See Ready.";
        QuotaExceeded: "Google's quota is used up; the operator slows down.", "Wait, or lower `--requests-per-second`.";
        Unavailable: "Google did not answer, or not as Google does.", "Wait; if it lasts, check the network and any proxy.";
        CredentialsInvalid: "Google does not take the operator's credential.", "Check the key, the subject and the domain-wide delegation; the operator's log tells more.";
    }
}

reasons! {
    /// Reasons of Paused.
    PausedReason {
        Suspended: "`spec.suspend` is `true`: nothing is read or written at Google.", "Set it to `false` when work may go on.";
    }
}

reasons! {
    /// Reasons of Managed, ForeignManaged and MultipleTeams: what was seen.
    FactReason {
        FullRecord: "Google shows the full record: the customer is yours.", "Nothing.";
        MinimalRecord: "Google shows id, domain and type only: the customer is somebody else's.", "See Stalled.";
        TeamsOnDomain: "Google says that there are teams on this domain.", "See Stalled.";
        DomainFree: "Google knows no account with this domain.", "Nothing; without an order see Stalled.";
        NotFound: "Google knows no account with this id.", "See Stalled.";
        AccessDenied: "Google refuses the read.", "See Stalled.";
        NotRead: "Google was not asked, or did not answer.", "Wait, or see Stalled.";
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

reasons! {
    /// Reasons of Events.
    EventReason {
        Ordered: "An account was ordered; the note holds its id.", "Nothing.";
        OrderResolved: "It was found out what became of an order whose answer was lost.", "Nothing.";
        OrderLimit: "Warning: an order waits for the hourly limit.", "Check whether so many orders are meant.";
        Adopted: "An account that existed was taken over; the note holds its id.", "Nothing.";
        Updated: "Changes of the manifest were written; the note names the fields.", "Nothing.";
        DriftDetected: "Warning: the account differs from the manifest; the note names the fields.", "See Ready.";
        DriftCorrected: "What was changed elsewhere was written back; the note names the fields.", "Find out who changes the account, or set `driftPolicy: Report`.";
        LanguageSet: "The language of the account was set.", "Nothing.";
        AdminCreated: "The first administrator was created.", "Hand the password of the Secret to the customer.";
        AwaitingToS: "The customer still has to accept the terms of service.", "Tell the customer.";
        ToSAccepted: "The customer has accepted the terms of service.", "Nothing.";
        Stalled: "Warning: the object waits for a person.", "See Stalled.";
        QuotaExceeded: "Warning: Google's quota is used up.", "See Synced.";
        Lost: "Warning: an account that was ours belongs to somebody else now.", "See Stalled.";
    }
}

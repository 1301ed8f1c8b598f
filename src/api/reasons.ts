/** A reason of a condition: the status that goes with it, and what users read about it. */
interface ConditionReason {
  status: 'True' | 'False' | 'Unknown';
  means: string;
  todo: string;
}

type Reasons = Record<string, ConditionReason>;

const nothing = 'Nothing.';
const correctProvider = 'Correct the bundle at the provider, or your own key where `privateKeySecretRef` names one.';

/** `Ready` of a ProviderCertificate: the Secret is usable now, and is what the current spec asks for. */
export const readyReasons = {
  Valid: {
    status: 'True',
    means:
      'The Secret is ours and holds a pair that is valid today, from the source that the spec names, covering `dnsNames`.',
    todo: nothing,
  },
  RemoteValid: {
    status: 'True',
    means: 'Mode Observe without `secretName`: the certificate at the provider is valid today.',
    todo: nothing,
  },
  SecretMissing: {
    status: 'False',
    means: 'There is no Secret of this name yet, or not any more.',
    todo: 'See why under `Synced`.',
  },
  Expired: {
    status: 'False',
    means: 'The certificate has ended.',
    todo: 'Renew it at the provider; when that was done, see under `Synced` why it is not in the Secret.',
  },
  NotYetValid: {
    status: 'False',
    means: 'The certificate begins later.',
    todo: 'Wait, or compare the clock of the cluster.',
  },
  SecretConflict: {
    status: 'False',
    means: 'The Secret belongs to something else, or something else keeps writing it.',
    todo: 'Choose another `secretName`, remove the other writer, or set `adoptExisting`.',
  },
  SecretInvalid: {
    status: 'False',
    means: 'The Secret holds no usable pair.',
    todo: 'Nothing, it is replaced as soon as a good pair can be had; see `Synced`.',
  },
  SpecNotMet: {
    status: 'False',
    means:
      'The Secret still holds an earlier pair, which does not satisfy the current spec: another source, or missing `dnsNames`.',
    todo: 'See under `Synced` why the new one is not there yet.',
  },
  NotCompared: {
    status: 'Unknown',
    means: 'Mode Observe: nothing was looked at yet.',
    todo: nothing,
  },
} as const satisfies Reasons;

/** `Expiring` of a ProviderCertificate speaks of the certificate in the Secret alone; absent while there is none. */
export const expiringReasons = {
  ExpiresSoon: {
    status: 'True',
    means: 'Less than 30 days are left, or less than a third of a shorter life.',
    todo: 'Renew the certificate at the provider, unless the message says that something newer is there.',
  },
  Expired: { status: 'True', means: 'The certificate has ended.', todo: 'Renew it at the provider.' },
  NotExpiring: { status: 'False', means: 'The end is far enough away.', todo: nothing },
} as const satisfies Reasons;

/** Reasons that a provider object and the certificates that use it have in common. */
const providerFaults = {
  CredentialsMissing: {
    status: 'False',
    means: 'The credentials Secret does not exist, lacks a key, or holds something that cannot be a credential.',
    todo: 'Create or complete the Secret; it is picked up at once.',
  },
  AuthenticationFailed: {
    status: 'False',
    means:
      'The provider does not accept the credentials. The account pauses, and is probed again after up to 10 minutes.',
    todo: 'Put valid credentials into the Secret; they are tried at once.',
  },
  PermissionDenied: {
    status: 'False',
    means: 'The credentials are accepted but not allowed to do this.',
    todo: 'Grant the role that the provider asks for to list and to download certificates.',
  },
  RateLimited: {
    status: 'False',
    means: 'The provider asks to wait. The whole account waits as long as it said.',
    todo: 'It is tried again by itself; if it happens often, set a longer `pollInterval` or `limits`.',
  },
  ProviderUnavailable: {
    status: 'False',
    means:
      'The provider does not answer, or answers with a fault of its own. Tried again with growing delays, at most 10 minutes.',
    todo: 'It is tried again by itself; if it lasts, check `endpoint`, DNS, proxy and `caBundle`.',
  },
  InvalidResponse: {
    status: 'False',
    means: "The provider's answer cannot be understood, or is too large.",
    todo: 'Check `endpoint` and `apiVersion`, and what stands between the cluster and the provider.',
  },
} as const satisfies Reasons;

/** `Synced` of a ProviderCertificate: how Secret and provider compare. */
export const syncedReasons = {
  Synced: { status: 'True', means: 'The Secret holds what the provider has.', todo: nothing },
  InSync: { status: 'True', means: 'Mode Observe: the Secret holds what the provider has.', todo: nothing },
  Pending: { status: 'Unknown', means: 'The provider has not answered yet.', todo: 'Wait a moment.' },
  NotCompared: { status: 'Unknown', means: 'Mode Observe: nothing was compared.', todo: nothing },
  InvalidSpec: {
    status: 'False',
    means: 'The object breaks a rule, or its selector does not fit the provider (`commonName` at NHN, for example).',
    todo: 'Correct the field that the message names.',
  },
  ProviderNotFound: {
    status: 'False',
    means: 'There is no provider object as `providerRef` says.',
    todo: 'Create it, or correct name and kind.',
  },
  NamespaceNotAllowed: {
    status: 'False',
    means: 'The cluster provider does not allow this namespace, or not this certificate.',
    todo: 'Ask its owner to extend `allowedNamespaces` or `allowedCertificates`.',
  },
  ProviderNotReady: {
    status: 'False',
    means: 'The provider object itself is wrong: its `InvalidSpec` or `EndpointNotAllowed`.',
    todo: 'Look at the provider object.',
  },
  ...providerFaults,
  CertificateNotFound: {
    status: 'False',
    means: 'The provider has no certificate as `remoteRef` says.',
    todo: "Compare `remoteRef` with the provider's console; looked for again at each poll.",
  },
  Ambiguous: {
    status: 'False',
    means: 'Several certificates at the provider fit `remoteRef`.',
    todo: 'Select by `id`, or rename one of them.',
  },
  CertificateUnavailable: {
    status: 'False',
    means:
      'The provider lists the certificate but does not hand out its bytes: no file, several files, still being issued.',
    todo: 'Complete it at the provider, unless the message says what else to do.',
  },
  CertificateRevoked: {
    status: 'False',
    means: 'The provider says that the certificate is revoked. The Secret is kept.',
    todo: 'Have a new one issued.',
  },
  PrivateKeyMissing: {
    status: 'False',
    means: 'The bundle holds no private key, and none was supplied.',
    todo: 'Upload the key at the provider, or name a Secret in `privateKeySecretRef`.',
  },
  PrivateKeyEncrypted: {
    status: 'False',
    means: 'The private key is encrypted, and there is no passphrase or it is wrong.',
    todo: 'Put the passphrase into a Secret, and name that in `passphraseSecretRef`.',
  },
  UnsupportedKey: {
    status: 'False',
    means:
      'The key is of a kind that TLS servers do not load. Supported: RSA 2048 to 8192, EC P-256, P-384 and P-521 with named curves, Ed25519.',
    todo: 'Have the certificate issued for another key.',
  },
  MalformedBundle: {
    status: 'False',
    means: 'The bytes that the provider gave are no sound PEM bundle.',
    todo: correctProvider,
  },
  KeyMismatch: {
    status: 'False',
    means: 'No certificate of the bundle belongs to the private key.',
    todo: correctProvider,
  },
  NamesNotCovered: {
    status: 'False',
    means: 'The certificate does not cover all of `dnsNames`.',
    todo: 'Have it issued for these names, or correct `dnsNames`.',
  },
  OlderThanCurrent: {
    status: 'False',
    means: "The provider's certificate was issued earlier and ends earlier than the one in the Secret.",
    todo: 'Upload the newer one again, or set `allowOlder`.',
  },
  IncompleteChain: {
    status: 'False',
    means: 'The bundle lacks the intermediates, which the Secret has.',
    todo: 'Upload the bundle with its chain, or set `allowIncompleteChain`.',
  },
  CertificateExpired: {
    status: 'False',
    means: "The provider's certificate, or one that its chain needs, has ended.",
    todo: 'Renew it at the provider.',
  },
  CertificateNotYetValid: {
    status: 'False',
    means: "The provider's certificate begins later. It is written when its time has come.",
    todo: nothing,
  },
  SecretConflict: {
    status: 'False',
    means:
      'The Secret belongs to another ProviderCertificate or to something else, is immutable, or something else keeps writing it.',
    todo: 'Choose another `secretName`, remove the other writer, or set `adoptExisting`.',
  },
  SecretWriteFailed: {
    status: 'False',
    means: 'The API server did not accept the Secret.',
    todo: 'Do what the message says: permissions, quota, an admission webhook.',
  },
  Differs: {
    status: 'False',
    means: 'Mode Observe: Secret and provider hold different certificates.',
    todo: 'Bring them together, or set `mode: Sync`.',
  },
  SecretMissing: {
    status: 'False',
    means: 'Mode Observe: there is no Secret of this name.',
    todo: 'Create it, or set `mode: Sync`.',
  },
  Suspended: {
    status: 'False',
    means: '`suspend` is set: nothing is read and nothing is written.',
    todo: 'Remove `suspend`.',
  },
} as const satisfies Reasons;

/** `Ready` of a CertificateProvider or ClusterCertificateProvider: the last list of certificates was complete. */
export const providerReadyReasons = {
  Valid: { status: 'True', means: 'The list of certificates is complete and current.', todo: nothing },
  InvalidSpec: {
    status: 'False',
    means: 'The object breaks a rule.',
    todo: 'Correct the field that the message names.',
  },
  EndpointNotAllowed: {
    status: 'False',
    means: 'The operator may not talk to this endpoint.',
    todo: 'Start the operator with `--allow-endpoint`, or correct `endpoint`.',
  },
  ...providerFaults,
} as const satisfies Reasons;

const correctSecret = 'Correct the Secret.';

/** `Ready` of a CertificateUpload: the provider holds a certificate from the Secret that is valid today. */
export const uploadReadyReasons = {
  Valid: { status: 'True', means: 'The certificate that was uploaded last is there and valid today.', todo: nothing },
  NotUploaded: {
    status: 'False',
    means: 'Nothing was uploaded yet, or it is not at the provider any more.',
    todo: 'See why under `Synced`.',
  },
  Expired: {
    status: 'False',
    means: 'The certificate that was uploaded last has ended.',
    todo: 'Renew the certificate in the Secret; when that was done, see under `Synced` why it is not at the provider.',
  },
} as const satisfies Reasons;

/** `Synced` of a CertificateUpload: how Secret and provider compare. */
export const uploadSyncedReasons = {
  Uploaded: { status: 'True', means: 'The provider holds what the Secret holds.', todo: nothing },
  Pending: { status: 'Unknown', means: 'The provider has not answered yet.', todo: 'Wait a moment.' },
  InvalidSpec: {
    status: 'False',
    means: 'The object breaks a rule, or the provider takes no uploads (NHN Cloud), or none under such a name.',
    todo: 'Correct the field that the message names.',
  },
  SecretMissing: {
    status: 'False',
    means: 'There is no Secret of this name, or it is not of type kubernetes.io/tls.',
    todo: 'Create it, or replace it by one of type kubernetes.io/tls; it is picked up at once.',
  },
  ProviderNotFound: {
    status: 'False',
    means: 'There is no provider object as `providerRef` says.',
    todo: 'Create it, or correct name and kind.',
  },
  NamespaceNotAllowed: {
    status: 'False',
    means: 'The cluster provider does not allow this namespace, or not a certificate of this name.',
    todo: 'Ask its owner to extend `allowedNamespaces` or `allowedCertificates`.',
  },
  ProviderNotReady: {
    status: 'False',
    means: 'The provider object itself is wrong: its `InvalidSpec` or `EndpointNotAllowed`.',
    todo: 'Look at the provider object.',
  },
  ...providerFaults,
  PermissionDenied: {
    status: 'False',
    means: 'The provider knows the credentials, but they may not do this.',
    todo: 'Grant the role that the provider asks for to list, to create and to delete certificates.',
  },
  PrivateKeyMissing: { status: 'False', means: 'The Secret holds no private key.', todo: correctSecret },
  PrivateKeyEncrypted: {
    status: 'False',
    means: 'The private key in the Secret is encrypted.',
    todo: 'Put it in without a passphrase, as kubernetes.io/tls asks.',
  },
  UnsupportedKey: {
    status: 'False',
    means: 'The key in the Secret is of a kind that TLS servers do not load.',
    todo: 'Have the certificate issued for another key.',
  },
  MalformedBundle: { status: 'False', means: 'The Secret holds no sound PEM.', todo: correctSecret },
  KeyMismatch: {
    status: 'False',
    means: 'The certificate in the Secret does not belong to its private key.',
    todo: correctSecret,
  },
  CertificateExpired: {
    status: 'False',
    means: 'The certificate in the Secret, or one that its chain needs, has ended.',
    todo: 'Renew it.',
  },
  CertificateNotYetValid: {
    status: 'False',
    means: 'The certificate in the Secret begins later. It is uploaded when its time has come.',
    todo: nothing,
  },
  NameTaken: {
    status: 'False',
    means: 'The provider has another certificate under the name that this one would get.',
    todo: 'Set another `remoteNamePrefix`, or delete that certificate at the provider.',
  },
  UploadRefused: {
    status: 'False',
    means: 'The provider does not take this certificate.',
    todo: 'Correct what the message names; a full quota shows here too.',
  },
  Suspended: {
    status: 'False',
    means: '`suspend` is set: nothing is read and nothing is uploaded.',
    todo: 'Remove `suspend`.',
  },
} as const satisfies Reasons;

/** Events besides those that carry the reason of a condition. */
export const eventReasons = {
  Rotated: 'The Secret got a new certificate.',
  Expiring: 'The certificate in the Secret ends soon; at the threshold and 14, 7, 1 and 0 days before its end.',
  NamesDropped: 'The new certificate no longer covers some names that the previous one covered.',
  CertificatesLeftOut: 'The bundle held something that does not belong into the Secret.',
  NoSubjectAltName: 'The certificate has no subject alternative name; clients do not look at its common name.',
  LimitedClientSupport: 'Some clients cannot use a certificate with this kind of key (Ed25519, P-521).',
  CAChanged: 'The root certificate in ca.crt changed.',
  SecretReleased: 'The Secret of an earlier `secretName` is no longer kept current; it stays as it is.',
  IncompleteChain: 'The certificate was written without intermediates, because the bundle holds none.',
  PreviousDeleted: 'An earlier certificate that a CertificateUpload had made was deleted at the provider.',
  PreviousKept: 'An earlier certificate that was to be deleted at the provider is still there, because it is in use.',
  DeprecatedAPIVersion: 'The `apiVersion` of a provider object is past its end at the cloud.',
} as const satisfies Record<string, string>;

export type ReadyReason = keyof typeof readyReasons;
export type ExpiringReason = keyof typeof expiringReasons;
export type SyncedReason = keyof typeof syncedReasons;
export type ProviderReadyReason = keyof typeof providerReadyReasons;
export type UploadReadyReason = keyof typeof uploadReadyReasons;
export type UploadSyncedReason = keyof typeof uploadSyncedReasons;

export type EventReason = keyof typeof eventReasons | SyncedReason | ProviderReadyReason | UploadSyncedReason;

/** What SCP wants to know besides the certificate (SCP API guide 1.2, `CertificateCreateRequest`). */
export interface ScpDetails {
  /** Of the dates in its mails: `Asia/Seoul`. */
  timezone: string;
  /** Who is mailed before the certificate ends; users of the account. */
  recipients?: readonly Recipient[] | undefined;
  tags?: readonly Tag[] | undefined;
  /** Default: that of the provider object. */
  region?: string | undefined;
}

export interface Recipient {
  region: string;
  userId: string;
  userName: string;
}

export interface Tag {
  key: string;
  value: string;
}

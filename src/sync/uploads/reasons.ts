import { type UploadSyncedReason, uploadSyncedReasons } from '../../api/reasons.ts';

/** What the directory answers, in words of a CertificateUpload. */
export function asUploadReason(reason: string): UploadSyncedReason {
  return isUploadReason(reason) ? reason : 'ProviderNotReady';
}

export function isUploadReason(reason: string): reason is UploadSyncedReason {
  return Object.hasOwn(uploadSyncedReasons, reason);
}

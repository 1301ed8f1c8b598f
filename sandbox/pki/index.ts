export { createAuthority, type Authority, type Issued, type LeafRequest } from './authority.ts';
export { clientAuth, extension, pem } from './certificate.ts';
export { generateKey, type KeyType } from './keys.ts';

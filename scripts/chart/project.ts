/** Where the project will be at home; what users pull and click goes there. */
export const home = 'https://github.com/provider-certificates/provider-certificates';
export const imageRepository = 'ghcr.io/provider-certificates/provider-certificates';
export const runbook = `${home}/blob/main/docs/runbook.md`;

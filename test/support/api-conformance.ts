import { describe } from 'vitest';
import type { KubeClient } from '../../src/kube/client.ts';
import { serverSideApply } from './conformance/apply.ts';
import { customResources } from './conformance/custom-resources.ts';
import { lists } from './conformance/lists.ts';
import { mergePatches } from './conformance/merge-patches.ts';
import { namespacesAndEvents } from './conformance/namespaces.ts';
import { otherCalls } from './conformance/other-calls.ts';
import { secretRules } from './conformance/secrets.ts';
import { watches } from './conformance/watches.ts';

/** An API server to be held to what the operator relies on. */
export interface Candidate {
  /** A client that is known by this user agent. */
  client(userAgent: string): KubeClient;
  /** Makes a namespace that nobody else uses. */
  newNamespace(): Promise<string>;
  /** Whatever it takes that watches with a short time limit end, with a bookmark before. */
  endWatches(): void;
  /** A version from before anything that the server remembers of ProviderCertificates. */
  forgottenVersion(): Promise<string>;
}

/**
 * Registers the tests of everything about an API server that the operator relies on. They run on the real one and on the
 * model: what they say was measured on the real one.
 */
export function apiConformance(candidate: Candidate): void {
  describe('server-side apply', () => {
    serverSideApply(candidate);
  });
  describe('a merge patch', () => {
    mergePatches(candidate);
  });
  describe('a Secret', () => {
    secretRules(candidate);
  });
  describe('a custom resource', () => {
    customResources(candidate);
  });
  describe('other calls', () => {
    otherCalls(candidate);
  });
  describe('namespaces and events', () => {
    namespacesAndEvents(candidate);
  });
  describe('a list', () => {
    lists(candidate);
  });
  describe('a watch', () => {
    watches(candidate);
  });
}

import { expect } from 'vitest';

import { type SyncedReason, syncedReasons } from '../../src/api/reasons.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { leafOf, type World } from './world.ts';

interface Telling {
  reason: SyncedReason;
  /** Must be in the message. */
  seen: string | RegExp;
  /** The Secret that was there; undefined when there was none. */
  kept: Secret | undefined;
}

/**
 * Waits until Synced says so, and reads it as its user does: what was seen, what is kept and what to do, also in the
 * column STATUS of kubectl; and the Secret is as it was.
 */
export async function says(w: World, name: string, { reason, seen, kept }: Telling): Promise<string> {
  const message = await w.until(name, ({ status, metadata: { generation } }) => {
    const found = status?.conditions?.find(({ type }) => type === 'Synced');
    expect(found).toMatchObject({ status: 'False', reason, observedGeneration: generation });
    expect(found?.message).toMatch(seen);
    return found?.message ?? '';
  });
  expect(message).toContain(keeping(kept));
  expect(message).toContain(adviceOf(reason));

  const secretName = kept?.metadata.name ?? name;
  expect(await w.secret(secretName)).toEqual(kept);
  await w.ready(name, kept === undefined ? 'SecretMissing' : 'Valid');
  const shown = (await w.get(name)).status?.message ?? '';
  expect(shown.length).toBeLessThanOrEqual(256);
  expect(shown === message || (shown.endsWith('…') && message.startsWith(shown.slice(0, -1)))).toBe(true);
  return message;
}

/** The same, and there is one event that tells it. */
export async function told(w: World, name: string, telling: Telling): Promise<void> {
  const message = await says(w, name, telling);
  expect(await w.event(name, telling.reason)).toMatchObject({ type: 'Warning', count: 1, message });
}

function keeping(kept: Secret | undefined): string {
  if (kept === undefined) return 'No Secret is written.';
  const until = new Date(leafOf(kept)?.validTo ?? '').toISOString().replace('.000Z', 'Z');
  return `Secret ${kept.metadata.name} is kept; its certificate is valid until ${until}.`;
}

/** What the reference says is to be done; as plain text. */
function adviceOf(reason: SyncedReason): string {
  const { todo } = syncedReasons[reason];
  return todo === 'Nothing.' ? '' : todo.replaceAll('`', '');
}

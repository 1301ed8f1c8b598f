import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { Store } from '../../../src/kube/store.ts';
import type { StoreEvent } from '../../../src/kube/store.ts';
import { recordingLogger, silent } from './support.ts';

function widget(key: string, resourceVersion: number, labels: Record<string, string> = {}): KubeObject {
  const [namespace = '', name = ''] = key.split('/');
  const metadata = { namespace, name, uid: key, resourceVersion: String(resourceVersion), labels };
  return { apiVersion: 'example.io/v1', kind: 'Widget', metadata };
}

function say({ metadata: { namespace, name, resourceVersion } }: KubeObject): string {
  return `${namespace}/${name}@${resourceVersion}`;
}

function observed(): { store: Store<KubeObject>; told: string[]; content: () => string[] } {
  const store = new Store<KubeObject>({ logger: silent });
  const told: string[] = [];
  store.subscribe(({ type, object, previous }) =>
    told.push([type, say(object), previous && say(previous)].filter(Boolean).join(' ')),
  );
  return { store, told, content: () => Array.from(store.values(), say).sort() };
}

describe('a store', () => {
  it('tells what changed, with what was before', () => {
    const { store, told, content } = observed();
    store.replace(undefined, [widget('a/x', 5), widget('a/y', 6)], '10');
    store.upsert(undefined, widget('a/x', 11));
    store.remove(undefined, widget('a/y', 12));
    expect(told).toEqual(['added a/x@5', 'added a/y@6', 'updated a/x@11 a/x@5', 'deleted a/y@12 a/y@6']);
    expect(content()).toEqual(['a/x@11']);
    expect(store.size).toBe(1);
    expect(store.get('a/x')?.metadata.resourceVersion).toBe('11');
    expect(store.get('a/y')).toBeUndefined();
  });

  it('tells the difference when a list replaces what is there', () => {
    const { store, told } = observed();
    store.replace(undefined, [widget('a/x', 5), widget('a/y', 6), widget('a/z', 7)], '10');
    told.length = 0;
    store.replace(undefined, [widget('a/x', 5), widget('a/y', 16), widget('a/new', 17)], '20');
    expect(told).toEqual(['deleted a/z@7 a/z@7', 'updated a/y@16 a/y@6', 'added a/new@17']);
  });

  it('shows handlers the whole new state, whichever event comes first', () => {
    const { store } = observed();
    store.replace(undefined, [widget('a/old', 5)], '10');
    const seen: string[][] = [];
    store.subscribe(() => seen.push(Array.from(store.values(), ({ metadata }) => metadata.name).sort()));
    store.replace(undefined, [widget('a/x', 15), widget('a/y', 16)], '20');
    expect(seen).toEqual([
      ['x', 'y'],
      ['x', 'y'],
      ['x', 'y'],
    ]);
  });

  it('ignores events and lists that are older than what it knows', () => {
    const { store, told, content } = observed();
    store.replace(undefined, [widget('a/x', 50)], '60');
    told.length = 0;
    store.upsert(undefined, widget('a/x', 9));
    store.upsert(undefined, widget('a/x', 50));
    store.remove(undefined, widget('a/x', 49));
    store.replace(undefined, [], '40');
    expect(told).toEqual([]);
    expect(content()).toEqual(['a/x@50']);
  });

  it('lets several reflectors feed it, each for a namespace', () => {
    const { store, content } = observed();
    store.replace('a', [widget('a/x', 5)], '10');
    store.replace('b', [widget('b/x', 6)], '11');
    store.replace('a', [widget('a/y', 15)], '20');
    expect(content()).toEqual(['a/y@15', 'b/x@6']);
  });

  it('calls every handler though one throws, and none that unsubscribed', () => {
    const { logger, lines } = recordingLogger();
    const store = new Store<KubeObject>({ logger });
    const told: StoreEvent<KubeObject>[] = [];
    store.subscribe(() => {
      throw new Error('broken');
    });
    const unsubscribe = store.subscribe((event) => told.push(event));
    store.upsert(undefined, widget('a/x', 5));
    unsubscribe();
    store.upsert(undefined, widget('a/x', 6));
    expect(told.map(({ type }) => type)).toEqual(['added']);
    expect(lines.map(({ msg, key }) => [msg, key])).toEqual([
      ['an event handler failed', 'a/x'],
      ['an event handler failed', 'a/x'],
    ]);
  });
});

describe('absorbing our own writes', () => {
  it('shows them at once and notifies nobody, not even when the watch tells them', () => {
    const { store, told, content } = observed();
    store.replace(undefined, [widget('a/x', 5)], '10');
    told.length = 0;
    store.absorb(widget('a/x', 11));
    store.absorb(widget('a/new', 12));
    expect(content()).toEqual(['a/new@12', 'a/x@11']);
    store.upsert(undefined, widget('a/x', 11));
    store.upsert(undefined, widget('a/new', 12));
    expect(told).toEqual([]);
    store.upsert(undefined, widget('a/x', 13));
    expect(told).toEqual(['updated a/x@13 a/x@11']);
  });

  it('never goes back: not by an older answer, an older event or an older list', () => {
    const { store, told, content } = observed();
    store.absorb(widget('a/x', 30));
    store.absorb(widget('a/x', 20));
    store.replace(undefined, [widget('a/x', 10)], '15');
    store.upsert(undefined, widget('a/x', 25));
    expect(content()).toEqual(['a/x@30']);
    expect(told).toEqual([]);
  });

  it('survives a list of the time before the write', () => {
    const { store, told, content } = observed();
    store.absorb(widget('a/x', 30));
    store.replace(undefined, [], '20');
    expect(content()).toEqual(['a/x@30']);
    store.replace(undefined, [], '40');
    expect(content()).toEqual([]);
    expect(told).toEqual(['deleted a/x@30 a/x@30']);
  });

  it('survives the end of what had the name before', () => {
    const { store, content } = observed();
    store.replace(undefined, [widget('a/x', 5)], '10');
    store.absorb(widget('a/x', 12));
    store.remove(undefined, widget('a/x', 11));
    expect(content()).toEqual(['a/x@12']);
  });

  it.each<[string, (store: Store<KubeObject>) => void]>([
    ['its deletion', (store) => store.remove('a', widget('a/x', 12))],
    ['an event about another', (store) => store.upsert('a', widget('a/y', 12))],
    ['a bookmark', (store) => store.bookmark('a', '12')],
    ['a list', (store) => store.replace('a', [], '12')],
  ])('does not bring back what was deleted meanwhile, as known by %s', (_, learn) => {
    const { store } = observed();
    store.replace('a', [], '10');
    learn(store);
    store.absorb(widget('a/x', 11)); // the slow answer to our write
    expect(store.get('a/x')).toBeUndefined();
    store.absorb(widget('a/x', 13));
    store.absorb(widget('b/x', 11)); // another namespace is another story
    expect([store.get('a/x'), store.get('b/x')]).toEqual([widget('a/x', 13), widget('b/x', 11)]);
  });
});

describe('an index', () => {
  it('finds the objects of a term, whatever way they came, changed and went', () => {
    const { store } = observed();
    store.replace(undefined, [widget('a/x', 5, { team: 'red' })], '10');
    const byTeam = store.index(({ metadata }) => Object.values(metadata.labels ?? {}));
    const team = (term: string): string[] => byTeam(term).map(({ metadata }) => metadata.name);
    expect(team('red')).toEqual(['x']);
    store.upsert(undefined, widget('a/y', 11, { team: 'red', other: 'blue' }));
    expect([team('red'), team('blue'), team('green')]).toEqual([['x', 'y'], ['y'], []]);
    store.absorb(widget('a/y', 12, { team: 'green' }));
    expect([team('red'), team('blue'), team('green')]).toEqual([['x'], [], ['y']]);
    store.remove(undefined, widget('a/x', 13));
    store.replace(undefined, [widget('a/z', 14, { team: 'red' })], '20');
    expect([team('red'), team('blue'), team('green')]).toEqual([['z'], [], []]);
    expect(byTeam('red')[0]).toBe(store.get('a/z'));
  });
});

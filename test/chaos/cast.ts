import type { Random } from './random.ts';
import { naverShelf, nhnShelf, scpShelf, Source } from './source.ts';
import { providers, type Stage } from './stage.ts';
import { Subject } from './subject.ts';

/** How many ProviderCertificates there are for each provider object of a namespace. */
export type Sizes = Readonly<Record<keyof typeof providers, number>>;

const several = 20;

/** All that the chaos plays with. */
export interface Cast {
  readonly stage: Stage;
  readonly namespaces: readonly string[];
  readonly subjects: Subject[];
  readonly sources: readonly Source[];
  /** How often the chaos may have deleted a Secret, by `namespace/name`. */
  readonly deletions: Map<string, number>;
  /** One more ProviderCertificate for something that there is one for already. */
  another(of: Subject): Subject;
}

/** Makes namespaces with ProviderCertificates of all clouds; most have a certificate at their cloud. */
export async function assemble(stage: Stage, random: Random, sizes: Readonly<Record<string, Sizes>>): Promise<Cast> {
  const namespaces = Object.keys(sizes);
  for (const namespace of namespaces) await stage.furnish(namespace);
  await stage.furnishCluster(namespaces[0] ?? '');
  const subjects = Object.entries(sizes).flatMap(([namespace, ofKind]) =>
    (Object.keys(ofKind) as (keyof Sizes)[]).flatMap((kind) =>
      Array.from({ length: ofKind[kind] }, (_, number) =>
        subjectOf(stage, { kind, name: `${kind}-${namespace.at(-1)}-${number}`, namespace }),
      ),
    ),
  );
  const begun = subjects.map((subject) => ({ subject, uploaded: random.next() < 0.9 }));
  for (let from = 0; from < begun.length; from += several) {
    await Promise.all(
      begun.slice(from, from + several).map(async ({ subject, uploaded }) => {
        if (uploaded) await subject.source.rotate();
        await subject.putKey();
        await subject.put();
      }),
    );
  }
  return {
    stage,
    namespaces,
    subjects,
    sources: subjects.map(({ source }) => source),
    deletions: new Map(),
    another(of) {
      const name = `more-${subjects.length}`;
      const { namespace, source, providerRef, remoteRef } = of;
      const subject = new Subject({ stage, namespace, name, source, providerRef, remoteRef });
      subjects.push(subject);
      return subject;
    },
  };
}

function subjectOf(
  stage: Stage,
  { kind, name, namespace }: { kind: keyof Sizes; name: string; namespace: string },
): Subject {
  const { authority, clouds } = stage;
  const shelf = { nhn: nhnShelf, cluster: nhnShelf, tokens: nhnShelf, scp: scpShelf, naver: naverShelf }[kind];
  const source = new Source({ name, shelf: shelf(clouds, name), authority });
  return new Subject({
    stage,
    namespace,
    name,
    source,
    providerRef: {
      name: providers[kind],
      ...(kind === 'cluster' && { kind: 'ClusterCertificateProvider' as const }),
    },
    remoteRef: kind === 'scp' ? { commonName: source.domain } : { name },
  });
}

/** What tests want to know of a Markdown page. */

/** The page without code blocks: nothing in them is a link or a heading. */
function prose(page: string): string {
  return page.replaceAll(/^([ \t]*)(`{3,}).*\n(?:.*\n)*?\1\2[ \t]*$/gm, '');
}

/** Targets of its links and images, in order. */
export function linksOf(page: string): string[] {
  const text = prose(page).replaceAll(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(\s*<?([^\s)>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)].map(([, inline, defined]) =>
    String(inline ?? defined),
  );
}

/** Its headings of a level, as they are written. */
export function headingsOf(page: string, level: number): string[] {
  return [...prose(page).matchAll(new RegExp(`^#{${level}} +(.+?)\\s*$`, 'gm'))].map(([, heading]) => heading ?? '');
}

/** The anchors that GitHub gives its headings. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(page).matchAll(/^#{1,6} +(.+?)\s*$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = words
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

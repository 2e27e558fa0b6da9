import type { Back, Mark } from '@tidemark/core'

const PAGE = 100

export async function marksIn(
  { marks }: Pick<Back, 'marks'>,
  range: Parameters<Back['marks']['scan']>[0],
): Promise<readonly Mark[]> {
  const found: Mark[] = []
  for (;;) {
    const page = await marks.scan(range, { after: found.at(-1)?.key, limit: PAGE })
    found.push(...page)
    if (page.length < PAGE) return found
  }
}

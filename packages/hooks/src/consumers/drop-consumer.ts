import { type Back, type Clock, clockOption, type KeyRange } from '@tidemark/core'
import { lanesOf, membersOf, parkedOf, registrationKey, requestsOf } from './consumer-keys.ts'
import { readRegistration, whileRegistering } from './registration.ts'

const PAGE = 500

/**
 * Unregisters a consumer: how far it has come and its parked changes are forgotten, and it holds no compaction back
 * any more. Where it still runs, it ends with an `ended` event of CONSUMER_DROPPED; nothing of what is in hand there
 * is committed.
 * @returns whether there was one
 */
export async function dropConsumer(
  back: Pick<Back, 'log' | 'leases' | 'marks' | 'codec'>,
  name: string,
  options: { readonly clock?: Clock | undefined } = {},
): Promise<boolean> {
  const { leases, marks } = back
  return whileRegistering(back, name, clockOption(options.clock), async (lease) => {
    const existed = (await readRegistration(back, name)) !== undefined
    // First, so that whoever takes a lane from here on finds that it is none any more; whoever has one loses it then.
    await marks.write([{ key: registrationKey(name), value: undefined }], { lease })
    await leases.endRange(lanesOf(name))
    for (const range of [lanesOf(name), parkedOf(name), requestsOf(name), membersOf(name)]) await removeAll(back, range)
    return existed
  })
}

async function removeAll({ marks }: Pick<Back, 'marks'>, range: KeyRange): Promise<void> {
  for (;;) {
    const page = await marks.scan(range, { after: undefined, limit: PAGE })
    if (page.length > 0) await marks.write(page.map(({ key }) => ({ key, value: undefined })))
    if (page.length < PAGE) return
  }
}

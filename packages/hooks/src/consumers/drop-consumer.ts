import { type Back, type Clock, clockOption, TidemarkError } from '@tidemark/core'
import { registrationKey } from './consumer-keys.ts'
import { readRegistration } from './registration.ts'
import { removeRemains } from './remove-remains.ts'
import { whileRegistering } from './while-registering.ts'

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
  const { marks } = back
  return whileRegistering(back, name, clockOption(options.clock), async (lease) => {
    const existed = (await readRegistration(back, name)) !== undefined
    // First, so that whoever takes a lane from here on finds that it is none any more; whoever has one loses it then.
    await marks.write([{ key: registrationKey(name), value: undefined }], { lease })
    try {
      await removeRemains(back, name, lease)
    } catch (error) {
      // Held up for longer than the lease: who registers it anew removes the rest first.
      if (!(error instanceof TidemarkError) || error.code !== 'LEASE_LOST') throw error
    }
    return existed
  })
}

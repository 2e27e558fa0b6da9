import { Encoder } from 'cbor-x'
import { Redis } from 'ioredis'
import { itemOf, stringKeys } from '../../workload/item.ts'
import { openRawSqlite } from '../raw-sqlite.ts'
import { machineMicros } from './machine-time.ts'
import { SCHEMA } from './sqlite-log.ts'
import { channelOf, type Writer, type WriterSetup } from './writer.ts'

const ITEMS = 1_000

/** By hand: value row and log row in one synchronised transaction for all that is due, then a message that says so. */
export async function sqliteWriter({ folder, redis }: Extract<WriterSetup, { kind: 'sqlite' }>): Promise<Writer> {
  const db = openRawSqlite(folder)
  db.exec(SCHEMA)
  const client = redis === undefined ? undefined : new Redis(redis)
  await client?.ping()
  const tell = (text: string): void => void client?.publish(channelOf(redis!), text)
  const codec = new Encoder({ useRecords: false })
  const names = stringKeys(ITEMS)
  const upsert = db.prepare(
    'INSERT INTO value (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  )
  const append = db.prepare('INSERT INTO log (key, value, at) VALUES (?, ?, ?)')
  const write = db.transaction((numbers: readonly number[]) => {
    for (const number of numbers) {
      const bytes = codec.encode(itemOf(number % ITEMS, number))
      upsert.run(names[number % ITEMS], bytes)
      append.run(names[number % ITEMS], bytes, Date.now())
    }
  })
  let times: number[] = []
  return {
    write(numbers) {
      write.immediate(numbers)
      const now = machineMicros()
      for (const _ of numbers) times.push(now)
      tell(String(numbers.at(-1)))
    },
    async committed() {
      const done = times
      times = []
      return done
    },
  }
}

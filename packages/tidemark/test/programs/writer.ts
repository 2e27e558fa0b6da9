// Another process on the same file: writes `count` times, one after the other, and says after each what was acknowledged.
import { open } from 'tidemark'

const [file, redis, count] = process.argv.slice(2)
await using store = await open({ file: file!, redis: redis === '' ? undefined : redis, synchronous: 'normal' })
for (let i = 1; i <= Number(count); i++) {
  const { version } = await store.set('shared', i)
  console.log(`${i} ${version}`)
}

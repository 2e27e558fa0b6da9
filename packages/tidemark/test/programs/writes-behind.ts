// Writes behind, says what was acknowledged, and is killed before anything of it was committed.
import { open } from 'tidemark'

const [file, count, redis] = process.argv.slice(2)
const acknowledge = redis === undefined ? 'journal' : 'front'
const store = await open({
  file: file!,
  redis,
  log: false,
  writePolicy: 'write-behind',
  writeBehind: { acknowledge, maxAgeMs: 600_000 },
})
for (let i = 1; i <= Number(count); i++) {
  await Promise.all([
    store.set(['key', i % 7], i),
    store.setMany([
      [['pair', 1], i],
      [['pair', 2], i],
    ]),
  ])
  await store.checkpoint({ at: i })
}
console.log(await store.head())
process.kill(process.pid, 'SIGKILL')

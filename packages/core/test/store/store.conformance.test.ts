import { modelTest, shortPages, storeConformance } from '@tidemark/testkit'
import { createMemoryBack } from '../../src/index.ts'

storeConformance('memory', ({ clock }) => createMemoryBack({ clock }))

storeConformance('memory, whose pages end early', ({ clock }) => shortPages(createMemoryBack({ clock })))

modelTest('memory', { open: () => createMemoryBack() })

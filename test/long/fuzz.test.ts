// The same properties as in `npm test`, twenty times as often.
process.env.FUZZ_RUNS = '12000'
await import('../src/fuzz.test.js')
await import('../process/fuzz-http.test.js')

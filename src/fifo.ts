/** First in, first out. A Map takes longer to tell its first entry the more were deleted before that, an array to lose it. */
export class Fifo<T> {
  private items: T[] = []
  private taken = 0

  get first(): T | undefined {
    return this.items[this.taken]
  }

  push(item: T): void {
    this.items.push(item)
  }

  shift(): T | undefined {
    const { first } = this
    if (this.taken < this.items.length) this.taken++
    if (this.taken >= 1_000 && this.taken * 2 >= this.items.length) {
      this.items = this.items.slice(this.taken)
      this.taken = 0
    }
    return first
  }
}

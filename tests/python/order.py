"""The order of training as spec/ORDER.md has it, written from that document alone, held against vectors/order.json."""

import json
import struct
import sys
import zlib

from blake3 import blake3

def u64(number):
    return number.to_bytes(8, "little")


def text(name):
    return u64(len(name.encode())) + name.encode()


class Run:
    def __init__(self, seed):
        self.key = blake3(u64(seed), derive_key_context="surgdb training order 1").digest()

    def output(self, length, purpose, *parts):
        message = text(purpose) + b"".join(text(part) if isinstance(part, str) else u64(part) for part in parts)
        return blake3(message, key=self.key).digest(length)

    def round_keys(self, *message):
        output = self.output(64, *message)
        return [int.from_bytes(output[at : at + 8], "little") for at in range(0, 64, 8)]

    def hash(self, *message):
        return int.from_bytes(self.output(8, *message), "little")


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & (2**64 - 1)
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & (2**64 - 1)
    return z ^ (z >> 31)


def permute(keys, n, value):
    bits = max(10, (n - 1).bit_length())
    low_bits = bits // 2
    low_mask, high_mask = (1 << low_bits) - 1, (1 << (bits - low_bits)) - 1
    while True:
        low, high = value & low_mask, value >> low_bits
        for r in range(0, 8, 2):
            low ^= mix(high ^ keys[r]) & low_mask
            high ^= mix(low ^ keys[r + 1]) & high_mask
        value = (high << low_bits) + low
        if value < n:
            return value


class Mixture:
    def __init__(self, seed, groups, batch, epoch):
        self.run, self.groups, self.batch = Run(seed), groups, batch
        weights = [group["weight"] for group in groups]
        self.before = [sum(weights[:g]) for g in range(len(groups) + 1)]
        self.total = self.before[-1]
        self.block = batch * -(-max(1024, -(-self.total // min(weights))) // batch)
        self.length = -(-epoch // batch) * batch if isinstance(epoch, int) else self.until({"any": any, "all": all}[epoch])

    def border(self, g, x):
        return x * self.before[g] // self.total

    def draw(self, q):
        block, place = divmod(q, self.block)
        slot = permute(self.run.round_keys("slot", block), self.block, place)
        start, end = block * self.block, (block + 1) * self.block
        first = [self.border(g, end) - self.border(g, start) for g in range(len(self.groups))]
        g = max(g for g in range(len(self.groups)) if first[g] <= slot)
        return g, self.border(g + 1, start) - self.border(g, start) + slot - first[g]

    def until(self, enough):
        drawn, q = [0] * len(self.groups), 0
        while q % self.batch or not enough(n >= group["len"] for n, group in zip(drawn, self.groups)):
            drawn[self.draw(q)[0]] += 1
            q += 1
        return q

    def at(self, epoch, position):
        g, k = self.draw(epoch * self.length + position)
        name, n = self.groups[g]["name"], self.groups[g]["len"]
        return g, permute(self.run.round_keys("pass", name, k // n), n, k % n)


def packed(lengths, tokens, pictures, overlong):
    counted = [(min(t, tokens), min(p, pictures) if pictures is not None else 0) for t, p in lengths]
    fits = [t <= tokens and (pictures is None or p <= pictures) for t, p in lengths]
    bins, room = [], {}
    for place in sorted(range(len(lengths)), key=lambda place: (-counted[place][0], place)):
        t, p = counted[place]
        alone = overlong == "alone" and not fits[place]
        fitting = [(left, number) for number, left in room.items() if not alone and left[0] >= t and left[1] >= p]
        (left_t, left_p), number = min(fitting, default=((tokens, pictures or 0), len(bins)))
        if number == len(bins):
            bins.append([])
        bins[number].append(place)
        if not alone:
            room[number] = (left_t - t, left_p - p)
    return [sorted(bin) for bin in bins]


def bins_of(keys, batch, budget, lengths):
    if budget is not None:
        bins = packed(lengths, *budget)
        return [bins[permute(keys, len(bins), place)] for place in range(len(bins))]
    whole = len(lengths) // batch
    places = sorted(range(whole * batch), key=lambda place: (lengths[place][0], place))
    cuts = [sorted(places[at : at + batch]) for at in range(0, len(places), batch)]
    dealt = [place for j in range(whole) for place in cuts[permute(keys, whole, j)]]
    return [[place] for place in dealt + [*range(whole * batch, len(lengths))]]


def place_of(groups, number):
    for g, n in enumerate(groups):
        if number < n:
            return g, number
        number -= n
    raise IndexError(number)


def shuffled(run, groups, epoch, position):
    return place_of(groups, permute(run.round_keys("epoch", epoch), sum(groups), position))


def dealt(items, batch, padded):
    """The steps of an epoch: the places of each, as items and whether they count."""
    steps = -(-items // batch) if padded else items // batch
    return [[(p % items, p < items) for p in range(step * batch, (step + 1) * batch)] for step in range(steps)]


def checksum(bins):
    starts = [sum(map(len, bins[:number])) for number in range(len(bins) + 1)]
    numbers = [place for bin in bins for place in bin] + starts
    return zlib.crc32(struct.pack(f"<{len(numbers)}I", *numbers)) or 1


def stream(v):
    """How an epoch's windows are packed, and its steps: the positions of each of their bins, and whether it counts."""
    run, lens = Run(int(v["seed"])), [group["len"] for group in v["groups"]]
    at = lambda position: shuffled(run, lens, v["epoch"], position)
    positions = sum(lens)
    if v["mixture"]:
        mixture = Mixture(int(v["seed"]), v["groups"], v["batch"], 100)
        at, positions = lambda position: mixture.at(v["epoch"], position), mixture.length
    packed, bins = [], []
    for number, first in enumerate(range(0, positions, v["window"])):
        places = [at(position) for position in range(first, min(first + v["window"], positions))]
        lengths = [v["lengths"][g][index] for g, index in places]
        window = bins_of(run.round_keys("window", v["epoch"], number), v["batch"], v["budget"], lengths)
        packed.append(checksum(window))
        bins += [[first + place for place in bin] for bin in window]
    steps = dealt(len(bins), v["batch"], v["padded"])
    return packed, [[[bins[bin], valid] for bin, valid in step] for step in steps]


def substitutes(v, position):
    """What is tried in the place of a sample of a shuffled order, and whether it counts."""
    run, lens = Run(int(v["seed"])), [len(group) for group in v["lengths"]]
    g, index = shuffled(run, lens, v["epoch"], position)
    tried = [run.hash("substitute", v["epoch"], position, attempt) % lens[g] for attempt in range(64)]
    if v["budget"] is None:
        return [[g, index, True] for index in tried]
    pictured = v["budget"][1] is not None
    counted = lambda index: (v["lengths"][g][index][0], v["lengths"][g][index][1] if pictured else 0)
    tokens, pictures = counted(index)
    fits = lambda index: counted(index)[0] <= tokens and counted(index)[1] <= pictures
    return [[g, index, counts] for counts in (True, False) for index in tried if fits(index) == counts]


def share(batch, rank, world):
    return range(rank * batch // world, (rank + 1) * batch // world)


def check(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: {found}, where the vectors have {expected}")


def check_orders(vectors):
    for v in vectors["keys"]:
        check(v, Run(int(v["seed"])).key.hex(), v["key"])
    for v in vectors["permutations"]:
        keys, n = Run(int(v["seed"])).round_keys("epoch", v["epoch"]), v["n"]
        check(v, [permute(keys, n, i) for i in range(min(8, n))], v["first"])
        check(v, [permute(keys, n, i) for i in range(max(0, n - 8), n)], v["last"])
    for v in vectors["mixtures"]:
        mixture = Mixture(int(v["seed"]), v["groups"], v["batch"], v["epoch"])
        check(v, mixture.length, v["length"])
        for epoch, position, *place in v["at"]:
            check((v["groups"], epoch, position), [*mixture.at(epoch, position)], place)
        for epoch, position, attempt, *place in v["substitutes"]:
            g = mixture.at(epoch, position)[0]
            index = mixture.run.hash("substitute", epoch, position, attempt) % v["groups"][g]["len"]
            check((v["groups"], epoch, position, attempt), [g, index], place)
    for v in vectors["sample_seeds"]:
        check(v, Run(int(v["seed"])).hash("sample", v["epoch"], v["position"]), int(v["sample_seed"]))
    for v in vectors["shares"]:
        check(v, [[*share(v["batch"], rank, v["world"])] for rank in range(v["world"])], v["places"])
    for v in vectors["windows"]:
        keys = Run(int(v["seed"])).round_keys("window", v["epoch"], v["window"])
        check(v, bins_of(keys, v["batch"], v["budget"], v["lengths"]), v["bins"])
    for v in vectors["epochs"]:
        for epoch, position, *place in v["at"]:
            run, groups = Run(int(v["seed"])), v["groups"]
            found = shuffled(run, groups, epoch, position) if v["shuffled"] else place_of(groups, position)
            check((v["seed"], groups, epoch, position), [*found], place)
    for v in vectors["ends"]:
        steps = dealt(v["items"], v["batch"], v["padded"])
        check(v, (len(steps), [[*place] for place in steps[-1]]), (v["steps"], v["last"]))
    for v in vectors["streams"]:
        packed, steps = stream(v)
        check((v["seed"], v["epoch"]), packed, v["packed"])
        check((v["seed"], v["epoch"]), steps, v["steps"])
    for v in vectors["bin_substitutes"]:
        for position, tried in v["at"]:
            check((v["seed"], v["budget"], position), substitutes(v, position), tried)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        check_orders(json.load(file))

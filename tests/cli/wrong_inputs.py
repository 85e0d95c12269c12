"""Wrong inputs: the files they need, and the commands that use them."""

from __future__ import annotations

FILES = {
    "broken.yaml": "kind: systolic\narray: {rows: 32\ncols: 3\n",
    "tab.yaml": "kind: systolic\narray:\n\trows: 32\n",
    "twice.yaml": "kind: systolic\narray:\n  rows: 32\n  cols: 8\n  rows: 64\n",
    "list.yaml": "- kind: systolic\n",
    "empty.yaml": "",
    "typo.yaml": "kind: systolic\narray:\n  rws: 32\n",
    "kind.yaml": "kind: systolc\n",
    "nokind.yaml": "array: {rows: 32}\n",
    "both.yaml": "kind: systolic\nuse: ./good.py:Good\n",
    "use.yaml": "use: good.py\n",
    "nobase.yaml": "base: nowhere.yaml\n",
    "loop_a.yaml": "base: loop_b.yaml\n",
    "loop_b.yaml": "base: loop_a.yaml\narray: {rows: 2}\n",
    "several.yaml": "kind: systolic\narray:\n  rows: -1\n  clock: 2 GB/s\n  bandwidth: 256\n  dataflow: os2\n",
    "component.yaml": "kind: systolic\narray: {kind: pim_memory}\n",
    "model.yaml": "base: gpt2-small\nheads: 7\n",
    "good.py": "import archsim\nclass Good(archsim.Design): pass\nNotOne = 3\n",
    "syntax.py": "import archsim\nclass Bad(archsim.Design)\n    pass\n",
    "raises.py": "import archsim\nrows = int('many')\n",
    "cost.py": (
        "import archsim\n"
        "class Unit(archsim.Component, kind='unit'):\n"
        "    def cost(self, op):\n"
        "        return archsim.Cost(op.dims['rows'])\n"
        "class Machine(archsim.Design, kind='machine'):\n"
        "    unit: Unit = Unit()\n"
    ),
    "half.py": (
        "import archsim\n"
        "class HalfUnit(archsim.Component, kind='half_unit'):\n"
        "    def cost(self, op):\n"
        "        return archsim.Cost(op.macs / 3) if op.macs else None\n"
        "class Half(archsim.Design, kind='half'):\n"
        "    unit: HalfUnit = HalfUnit()\n"
    ),
    "negative.py": (
        "import archsim\n"
        "class NegativeUnit(archsim.Component, kind='negative_unit'):\n"
        "    def cost(self, op):\n"
        "        return archsim.Cost(cycles=-5)\n"
        "class NumberUnit(archsim.Component, kind='number_unit'):\n"
        "    def cost(self, op):\n"
        "        return 7\n"
        "class Negative(archsim.Design, kind='negative'):\n"
        "    unit: NegativeUnit = NegativeUnit()\n"
        "class Number(archsim.Design, kind='number'):\n"
        "    unit: NumberUnit = NumberUnit()\n"
    ),
    "nounit.py": "import archsim\nclass Hollow(archsim.Design, kind='hollow'):\n    size: int = 1\n",
    "mapping.json": '{"schema": "archsim.mapping/1", "graph": "g", "design": "d", "body": [{"task": "a"}]}\n',
    "cache.yaml": "kind: kw\ncontexts: [1]\nkv_heads: 1\ntoken_bytes: 4\nchannels: 2\n",
    "slip.yaml": "kind: kv\ncontexts: [1, -2]\nkv_head: 1\ntoken_bytes: 4\nchannels: 0\n",
    "circle.yaml": (
        "kind: ops\nops:\n  - {name: a, times: {u: 1}, after: [b]}\n  - {name: b, times: {u: 1}, after: [a]}\n"
    ),
    "room.yaml": (
        "kind: tensors\nitems:\n  - {name: a, size: 3 KiB}\n  - {name: b, size: 2 KiB}\n"
        "bins:\n  - {name: slr0, capacity: 4 KiB}\n  - {name: slr1, capacity: 1 KiB}\n"
    ),
    "errors.csv": "op,bits,error\nqkv,x,0\nqkv,4,-1\nproj,8,0.1\nproj,8,0.2\n",
    "few.csv": "op,bits,error\nqkv,16,0.5\nqkv,8,0.7\n",
    "notes.txt": "hello\n",
    "taken": "a file where a folder should go\n",
    "field.yaml": "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace:\n  array.rws: [8, 16]\n",
    "value.yaml": "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace:\n  array.rows: [8, 0]\n",
    "nospace.yaml": "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace: {}\n",
    "range.yaml": (
        "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace:\n"
        "  array.rows: {from: 8, to: 4, log2: true}\n"
    ),
    "phase.yaml": "question: q?\ndesign: systolic\nworkload: gpt2-xl\nphase: train\nspace: {array.rows: [8]}\n",
    "design.yaml": "question: q?\ndesign: sistolic\nworkload: gpt2-xl\nspace: {array.rows: [8]}\n",
    "metric.yaml": (
        "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace: {array.rows: [8]}\n"
        "objectives:\n  - {metric: secnds}\n"
    ),
    "objectives.yaml": (
        "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace: {array.rows: [8]}\n"
        "objectives:\n  - seconds\n"
    ),
    "study.yaml": "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace: {array.rows: [8]}\n",
    "design.py": "taken = True\n",
    "command.trace": "0,MAC16,0,1,64\n300,MACAB,0,1,64\n",
    "fence.trace": "0,MAC16,0,1,64\n300,FENC\n",
    "row.trace": "# a row of one bank\n0,MAC,3,16384\n",
    "bank.trace": "0,MAC,16,1\n",
    "back.trace": "300,MAC16,0,1,64\n299,RDMAC16\n",
    "edge.yaml": "base: fusemax\nbuffer: {size: 16 KiB}\narray_2d: {rows: 64}\n",
    "early.yaml": (
        "kind: cascade\ninputs: ['Q[p,e]', 'K[m,e]']\noutputs: [A]\neinsums:\n"
        "  - A[m,p] = S[m,p] / D[p]\n  - S[m,p] = sum(e) Q[p,e] * K[m,e]\n  - D[p] = sum(m) S[m,p]\n"
    ),
    "unreduced.yaml": (
        "kind: cascade\ninputs: ['Q[p,e]', 'K[m,e]']\noutputs: [S]\neinsums:\n  - S[m,p] = Q[p,e] * K[m,e]\n"
    ),
    "operator.yaml": "kind: cascade\ninputs: ['X[p,m]']\noutputs: [G]\neinsums:\n  - G[p] = most(m) X[p,m]\n",
    "initial.yaml": (
        "kind: cascade\ninputs: ['X[p,m]']\noutputs: [R]\npartitions: {m: [m1, m0]}\neinsums:\n"
        "  - L[p,m1] = max(m0) X[p,m1,m0]\n  - R[p,m1+1] = max(R[p,m1], L[p,m1])\n"
    ),
    "ranks.yaml": "kind: cascade\ninputs: ['X[p,m]']\noutputs: [Y]\neinsums:\n  - Y[p] = sum(m) X[p,m,n]\n",
    "opcode.trace": "W CFR 0 1\nAiM MAC_ABX 64 0x1 0\nAiM EOC\n",
}  # fmt: skip

COMMANDS = """
runn systolic gemm:8,8,8
run
run systolic
run systolic gemm:8,8,8 --bach 4
run systolic gemm:8,8,8 --batch many

run systolc gemm:8,8,8
run missing.yaml gemm:8,8,8
run . gemm:8,8,8
run notes.txt gemm:8,8,8
run systolic .
run systolic notes.txt
run systolic gpt2-xxl
run systolic missing.yaml
run systolic gpt2-small --mapper greedy
run systolic gpt2-small --mapper pim
run systolic gpt2-small --phase generat
run systolic gpt2-small --fidelity cycles
run systolic bert-base --phase generate
run systolic gpt2-small --phase prefill --context 7
run systolic gpt2-small --phase decode --prompt 7
run systolic gpt2-small --batch 0
run systolic model.yaml

run systolic gem:8,8,8
run systolic gemm:8,8
run systolic gemm:8,0,8
run systolic attention:1,8,3,4,4,64
run systolic gemm

run systolic gemm:8,8,8 --set array.rows
run systolic gemm:8,8,8 --set array.rws=3
run systolic gemm:8,8,8 --set aray.rows=3
run systolic gemm:8,8,8 --set rows=3
run systolic gemm:8,8,8 --set array.rows=many
run systolic gemm:8,8,8 --set array.rows=-4
run systolic gemm:8,8,8 --set array.rows=1.5
run systolic gemm:8,8,8 --set array.rows.x=1
run systolic gemm:8,8,8 --set array.clock=2
run systolic gemm:8,8,8 --set array.clock=2GHZ
run systolic gemm:8,8,8 --set array.mac_energy=0.0001pJ
run systolic gemm:8,8,8 --set 'array.clock=1e30 GHz'
run systolic gemm:8,8,8 --set array.dataflow=osw
run systolic gemm:8,8,8 --set array.rows=[1,
run systolic gemm:8,8,8 --set workload.dtype=fp17
run systolic gemm:8,8,8 --set workload.dtyp=int8
run systolic gemm:8,8,8 --set mapper.depth=3
run pim-gpt gemm:8,8,8 --set pim.banks=0
run pim-gpt gemm:8,8,8 --set pim.row_bytes=1

run broken.yaml gemm:8,8,8
run tab.yaml gemm:8,8,8
run twice.yaml gemm:8,8,8
run list.yaml gemm:8,8,8
run empty.yaml gemm:8,8,8
run typo.yaml gemm:8,8,8
run kind.yaml gemm:8,8,8
run nokind.yaml gemm:8,8,8
run both.yaml gemm:8,8,8
run use.yaml gemm:8,8,8
run nobase.yaml gemm:8,8,8
run loop_a.yaml gemm:8,8,8
run several.yaml gemm:8,8,8
run component.yaml gemm:8,8,8

run good.py gemm:8,8,8
run good.py:God gemm:8,8,8
run good.py:NotOne gemm:8,8,8
run missing.py:Good gemm:8,8,8
run syntax.py:Bad gemm:8,8,8
run raises.py:Bad gemm:8,8,8
run cost.py:Machine gemm:8,8,8
run half.py:Half gemm:8,8,8
run half.py:Half softmax:8,8
run negative.py:Negative gemm:8,8,8
run negative.py:Number gemm:8,8,8
run nounit.py:Hollow gemm:8,8,8
run systolic good.py:Good

run pim-gpt gpt3-175b
run pim-gpt gpt2-xl --phase decode --context 1000 --batch 40
run pim-gpt softmax:1,10000000
run pim-gpt gpt2-xl --set workload.dtype=int4

run fusemax attention:1,2,2,512,512,64 --set buffer.size=100KiB
run fusemax attention:1,2,2,512,512,100000
run edge.yaml attention:1,2,2,512,512,128
run unfused attention:1,2,2,512,512,64 --set buffer.size=1KiB
run flat attention:1,2,2,512,512,64 --set buffer.size=1KiB
run fusemax gemm:1000,1000,1000 --set buffer.size=1000B
run fusemax attention:1,2,2,512,512,64 --set array_2d.pe.maximum=false
run fusemax attention:1,2,2,512,512,64 --set array_1d.pe.divide=false
run flat attention:1,2,2,512,512,64 --set array_1d.pe.exponential=none
run flat attention:1,2,2,512,512,64 --set mapper.dataflow=fusemax
run fusemax gelu:8,8 --set array_1d.pe.exponential=none
run fusemax attention:1,2,2,512,512,64 --set mapper.dataflow=fusemx
run fusemax attention:1,2,2,512,512,64 --set dataflow=window:abc
run fusemax attention:1,2,2,512,512,64 --set mapper.dataflow=window:0
run fusemax attention:1,2,2,512,512,64 --set mapper.dataflow=lambda:x
run fusemax attention:1,2,2,512,512,64 --set mapper.dataflow=topk:0
run fusemax attention:1,2,2,512,512,64 --set mapper.tile=3
run fusemax attention:1,2,2,512,512,64 --set word=12
run fusemax attention:1,2,2,512,512,64 --set word=8
run fusemax attention:1,2,2,512,512,64 --set dataflow=nope
run fusemax attention:1,2,2,512,512,64 --set energy.mode=artifact --set energy.node=7
run fusemax attention:1,2,2,512,512,64 --set plan=best
run fusemax attention:1,2,2,512,512,64 --set buffer.line=3B
run fusemax attention:1,2,2,512,512,64 --set array_1d.clock=1GHz
run fusemax attention:1,2,2,512,512,64 --set array_2d.rows=0
run fusemax attention:1,2,2,512,512,64 --set copies=0
run fusemax attention:1,2,2,512,512,64 --set energy.mode=published
run fusemax attention:1,2,2,512,512,64 --set workload.dtype=fp32
check early.yaml
check unreduced.yaml
check operator.yaml
check initial.yaml
check ranks.yaml

run systolic gemm:8,8,8 --out taken
run systolic gemm:8,8,8 --out taken/below
run --again nowhere
run systolic gemm:8,8,8 --again nowhere
run --again nowhere --set array.rows=3
run systolic gemm:8,8,8 --no-save --timeline
compare systolic pim-gpt
compare nowhere
report nowhere
report

dram hbm2-8gb-x129
dram hbm2-8gb-x128 --pattern randm
dram hbm2-8gb-x128 --pattern stride
dram hbm2-8gb-x128 --set transfers_per_clock=3
dram hbm2-8gb-x128 --set 'currents.vdd=0 V'
dram hbm2-8gb-x128 --set sources.foo=bar
dram hbm2-newton --pattern gemv:512x512 --requests 5
dram sram-256kib-32x8b-1000 --no-fast-forward
dram hbm2-8gb-x128 --set policy.row_cap=4
dram hbm2-8gb-x128 --pattern gemv:4096x4096
dram gddr6-aim --pattern gevm:4096x4096
dram gddr6-aim --pattern gemv:4096
dram gddr6-aim --pattern gemv:4096x0
dram gddr6-aim --pattern gemv:1000000x1000000
dram gddr6-aim --pattern relu:4096
dram gddr6-aim --pattern trace:
dram gddr6-aim --pattern trace:missing.trace
dram gddr6-aim --pattern trace:command.trace
dram gddr6-aim --pattern trace:fence.trace
dram gddr6-aim --pattern trace:row.trace
dram gddr6-aim --pattern trace:bank.trace
dram gddr6-aim --pattern trace:back.trace
dram gddr6-aim --pattern aim:opcode.trace
dram hbm3-attacc-bank --pattern attention:64
dram hbm2-neupims --pattern attention:8x256x100
dram gddr6-aim --set pim_timing.nMODCHX=3
dram gddr6-aim --set compat=dramsim3
dram hbm3-attacc-bank --set compat=dramsim3
dram hbm2-8gb-x128 --set compat=attacc-simulator
dram hbm2-newton --set compat=dramsim

sweep nothing
sweep field.yaml
sweep value.yaml
sweep nospace.yaml
sweep range.yaml
sweep metric.yaml
sweep objectives.yaml
sweep phase.yaml
sweep design.yaml
sweep typo.yaml
sweep study.yaml -j 0
sweep study.yaml --limit 0
sweep study.yaml --executor cloud
pareto study.yaml

map cost.py:Machine gpt2-small --mapper placed
map systolic gpt2-small --mapper placed
place missing.yaml
place field.yaml
place cache.yaml
place slip.yaml
place circle.yaml
place room.yaml
place room.yaml --plot a.gif
precision systolic gpt2-small --errors missing.csv --budget 1
precision systolic gpt2-small --errors errors.csv --budget 1
precision systolic gpt2-small --errors few.csv --budget 0.1
precision systolic gpt2-small --errors few.csv --budget nan
precision systolic gemm:8,8,8 --errors few.csv --budget 1
run systolic gpt2-small --set workload.precision.ffn_gate=int4
run systolic gpt2-small --set workload.precision.lm_head=int4
run pim-gpt gpt2-small --set workload.precision.ffn_up=int4
run t4 llama-2-7b --phase decode
run systolic gpt2-xl --phase decode --batch 64 --set "array.memory_size=8 GiB"
run fusemax llama-2-7b --phase decode --fidelity roofline --set "dram.size=4 GiB"
run systolic gpt2-small --set "array.memory_size=0 B"
map systolic gpt2-small --set array.memory_size=none
fuse gpt2-small --capacity much
fuse gpt2-small --capacity 0
fuse gpt2-small --capacity 1
fuse gpt2-small --capacity '1 MiB' --loop lair

list thing
show systolik
explain gpt2-xl
check mapping.json notes.txt missing.json
schema --out taken/schema.json
new design Two-Words
new design systolic
new design design
"""

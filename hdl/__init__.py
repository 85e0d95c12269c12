"""Units in RTL: Amaranth bodies of the shared specifications, with their benches and generated Verilog."""

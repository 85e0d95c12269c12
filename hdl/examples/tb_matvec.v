// Bench of matvec: random matrix and vector, a receiver that often waits, results against a sum in plain Verilog.
//
//   $ verilator --binary --timing -Wno-fatal --top-module tb_matvec tb_matvec.v matvec.v ../verilog/dot_tree_format_int8.v
//   $ ./obj_dir/Vtb_matvec
// or
//   $ iverilog -g2012 -s tb_matvec -o tb tb_matvec.v matvec.v ../verilog/dot_tree_format_int8.v && vvp tb
`timescale 1ns / 1ps
module tb_matvec;
    localparam ROWS = 4;
    reg clk = 0, rst = 1, write = 0, to_vector = 0, start = 0, y_ready = 0;
    reg [7:0] address = 0;
    reg [127:0] data = 0;
    wire busy, y_valid;
    wire [31:0] y;

    reg signed [7:0] w [0:ROWS*32-1];
    reg signed [7:0] x [0:31];
    reg signed [31:0] expected;
    integer i, k, row, errors = 0;

    matvec #(.ROWS(ROWS)) dut (
        .clk(clk), .rst(rst), .write(write), .to_vector(to_vector), .address(address), .data(data),
        .start(start), .busy(busy), .y_valid(y_valid), .y_ready(y_ready), .y(y)
    );

    always #5 clk = !clk;
    always @(negedge clk) y_ready = $random;

    // Inputs change at falling edges, so that they are steady when the clock rises.
    task put(input integer at, input vec);
        begin
            @(negedge clk);
            write = 1;
            to_vector = vec;
            address = at;
            for (k = 0; k < 16; k = k + 1) data[8*k +: 8] = vec ? x[16*at+k] : w[16*at+k];
        end
    endtask

    initial begin
        for (i = 0; i < ROWS * 32; i = i + 1) w[i] = $random;
        for (i = 0; i < 32; i = i + 1) x[i] = $random;
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < 2 * ROWS; i = i + 1) put(i, 0);
        for (i = 0; i < 2; i = i + 1) put(i, 1);
        @(negedge clk) write = 0;
        start = 1;
        @(negedge clk) start = 0;
        row = 0;
        while (row < ROWS) begin
            @(posedge clk);
            if (y_valid && y_ready) begin
                expected = 0;
                for (i = 0; i < 32; i = i + 1) expected = expected + w[32*row+i] * x[i];
                if (y !== expected) begin
                    errors = errors + 1;
                    $display("row %0d: got %0d, expected %0d", row, $signed(y), expected);
                end
                row = row + 1;
            end
        end
        if (errors == 0) $display("PASS: %0d rows", ROWS);
        else $display("FAIL: %0d errors", errors);
        $finish;
    end

    initial begin
        #100000 $display("FAIL: no result in time");
        $finish;
    end
endmodule

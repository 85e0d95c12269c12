// A matrix-vector product around the unit dot_tree_format_int8 (hdl/verilog): ROWS rows of 32 elements, two beats of 16
// elements each. Matrix and vector lie in registers that the user writes; `start` runs the product once; results come
// out in order of rows, each waiting until it is taken.
module matvec #(
    parameter ROWS = 4
) (
    input  wire         clk,
    input  wire         rst,
    // Writing: beat `address` of the matrix (two per row), or of the vector where `to_vector` is set.
    input  wire         write,
    input  wire         to_vector,
    input  wire [7:0]   address,
    input  wire [127:0] data,
    input  wire         start,
    output wire         busy,
    output wire         y_valid,
    input  wire         y_ready,
    output wire [31:0]  y
);
    reg [127:0] matrix [0:2*ROWS-1];
    reg [127:0] vector [0:1];
    reg [7:0]   beat;
    reg         running;

    wire        taken;
    assign      busy = running;

    always @(posedge clk) begin
        if (write && to_vector) vector[address[0]] <= data;
        if (write && !to_vector) matrix[address] <= data;
        if (rst) begin
            running <= 1'b0;
            beat <= 8'd0;
        end else if (!running) begin
            running <= start;
            beat <= 8'd0;
        end else if (taken) begin  // a beat is offered until it is taken
            running <= beat != 2 * ROWS - 1;
            beat <= beat + 8'd1;
        end
    end

    dot_tree_format_int8 dot (
        .clk(clk),
        .rst(rst),
        .i_valid(running),
        .i_ready(taken),
        .i_a(matrix[beat]),
        .i_b(vector[beat[0]]),
        .i_first(!beat[0]),
        .i_last(beat[0]),
        .o_valid(y_valid),
        .o_ready(y_ready),
        .o_sum(y)
    );
endmodule

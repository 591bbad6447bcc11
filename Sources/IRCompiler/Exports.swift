// Clients of the compiler also read its reports and programs, and give it kernels.
@_exported import IRLowering
@_exported import IRRewriting

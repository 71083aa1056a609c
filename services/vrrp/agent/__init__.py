"""The process beside the engine that speaks gRPC, reads the store and keeps operators' orders and the history."""

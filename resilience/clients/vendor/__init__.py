"""
The base of adapters for SDKs whose clients have a method for each operation, or generic methods.

A generic method takes the operation as an argument. An adapter names the client classes, the methods and their
operations, the forms of requests, and the shape of answers and errors. The engine's questions are answered from that.
"""

"""The adapter of botocore, the core of boto3, and of aiobotocore, for AWS IoT Core."""
